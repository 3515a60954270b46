//! Rigid-body dynamics of the Panda (to come: the simulated arm has second-order joints so far).
