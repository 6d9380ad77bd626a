"""What an answer is made of: its representation, its headers, and the problems that stand for errors."""
