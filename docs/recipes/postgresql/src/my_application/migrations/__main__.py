"""The command `python -m my_application.migrations`."""

from my_application import logs, migrations

logs.configure()
migrations.migrate()
