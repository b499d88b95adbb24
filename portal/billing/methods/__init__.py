"""Payment methods: what is offered where, and to whom."""
