"""What happens to much at once: long talks, large results, lists."""
