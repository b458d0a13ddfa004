"""The ground the engines stand on; users seldom import it."""
