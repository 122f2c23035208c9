"""The formats: how a dialogue becomes rows. Each shape is that of the tool it is for, to the letter."""
