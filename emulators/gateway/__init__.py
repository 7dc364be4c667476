"""The sandbox card gateway: a stand-in of a payment gateway that speaks HTTP and keeps the truth."""
