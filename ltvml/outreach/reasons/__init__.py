"""Why a contact is planned."""
