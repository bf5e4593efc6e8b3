.PHONY: train
train:  ## Train the model and write it into the package; ARGS go to `python -m training`
	python -m training $(ARGS)