"""Everything that has to do with mail: sign-in links, welcome campaigns, transports."""
