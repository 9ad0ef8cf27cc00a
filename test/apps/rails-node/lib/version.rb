module Version
  NUMBER = "1"
end
