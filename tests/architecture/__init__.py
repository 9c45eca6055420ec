"""What holds for the whole house: who imports whom, what is declared, what is translated."""
