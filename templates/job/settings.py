
    max_errors: PositiveInt = 20