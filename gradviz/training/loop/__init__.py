"""Recording a loop as it is written.

`record` is what a user writes. Behind it the `recorder` puts together what three others see: the `parameters`, looked at
again and again; the `optimizers`, which say whose work a step is; and the `graphs`, of which few are different.
"""
