-- The regression problem: 1,000 examples with 20 features, 10 of which inform the target.
-- Its target lies between about -400 and 400, unscaled: that is what makes gradients explode.

local X, y = make_regression { n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1 }

print(("X is %d x %d, y lies between %.1f and %.1f (mean %.2f, standard deviation %.2f)"):format(
  X.shape[1], X.shape[2], y:min():item(), y:max():item(), y:mean():item(), y:std():item()))

plot.figure { figsize = { 9, 4 } }
plot.subplot(1, 2, 1)
plot.hist(y)
plot.title "Target"
plot.xlabel "y"
plot.ylabel "examples"
plot.subplot(1, 2, 2)
plot.boxplot(y)
plot.title "Target"
plot.ylabel "y"
plot.show()
