"""What is read off a run: the rule of a step with its numbers, the loss surface, the model's fit, several runs side by side."""
