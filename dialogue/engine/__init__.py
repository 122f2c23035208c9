"""What continues a prompt, behind the `Engine` port of `dialogue.ports`.

`opening` picks one by the model's name: `torch_engine` runs a causal model of the Hugging Face kind in this process
(`models` loads it, `slots` writes many texts with it at once), `remote` asks an OpenAI-compatible completions server,
`echo` answers without any model. An engine knows prompts, tokens and stop strings; it knows nothing of seeds, turns,
Redis or people, and what it writes is cut into a reply elsewhere (`dialogue.transcript`).
"""
