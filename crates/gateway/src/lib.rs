//! The inline data plane: identify, policy, inspect, forward, classify, account.
