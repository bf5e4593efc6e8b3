.PHONY: train
train:  ## Train the model and write it into the package; ARGS are those of `python -m training`
	python -m training $(ARGS)