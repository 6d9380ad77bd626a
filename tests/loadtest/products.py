"""A product as the listing shows it."""

MANGO = {
    "id": 1,
    "name": "Mango",
    "category": "fruits",
    "price": "24.50",
    "currency": "INR",
    "unit": "kg",
    "district": "Pune",
    "lat": 18.62,
    "lon": 73.8,
    "rating": 4.4,
    "created_at": "2026-11-22T10:15:00Z",
    "updated_at": "2026-11-22T10:15:00Z",
}
