"""The rules of stock, pure: no clock, no chance, no input or output.

Read in this order: quantities, items, stock (state), movements (commands and facts), costing,
rejections, decider (decide and evolve).
"""
