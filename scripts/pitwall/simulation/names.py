"""The circuits, teams, drivers and nations of a simulated championship. All names are invented."""

# Name, location, country, latitude, longitude, altitude, grand prix, length in metres, hours ahead of UTC.
CIRCUITS = [
    ("Pearl Dunes International Circuit", "Pearl Dunes", "Bahrain", "26.11", "50.2", 4, "Gulf", 5410, 3),
    ("Red Mesa Raceway", "Red Mesa", "Saudi Arabia", "22.4051", "39.9", 11, "Red Mesa", 6170, 3),
    ("Wombat Lake Park", "Wombat Lake", "Australia", "-36.92", "145.4471", 31, "Wombat Lake", 5280, 10),
    ("Ginko Valley Speedland", "Ginko Valley", "Japan", "34.6", "137.052", 87, "Ginko", 5810, 9),
    ("Jade Terrace Circuit", "Jade Terrace", "China", "30.775", "120.91", 6, "Jade Terrace", 5450, 8),
    ("Flamingo Keys Autodrome", "Flamingo Keys", "USA", "25.06", "-80.9021", 0, "Flamingo Keys", 5400, -4),
    ("Autodromo di Castelnebbia", "Castelnebbia", "Italy", "44.1", "11.0983", 61, "Castelnebbia", 4910, 2),
    ("Circuit de la Corniche Bleue", "Port-Azur", "Monaco", "43.7", "7.4311", 7, "Riviera", 3340, 2),
    ("Circuito de Montegrís", "Montegrís", "Spain", "41.33", "2.01", 140, "Montegrís", 4660, 2),
    ("Circuit de l'Île-aux-Érables", "Île-aux-Érables", "Canada", "45.6", "-73.81", 13, "Maple", 4360, -4),
    ("Alpenkogel Ring", "Alpenkogel", "Austria", "47.3092", "14.9", 702, "Alpenkogel", 4320, 2),
    ("Thistledown Park", "Thistledown", "UK", "52.2214", "-1.3", 152, "Thistledown", 5890, 1),
    ("Forêt-Noire Circuit", "Forêt-Noire", "Belgium", "50.38", "5.8012", 411, "Ardour", 7000, 2),
    ("Pusztaring", "Pusztafalva", "Hungary", "47.61", "19.302", 231, "Puszta", 4380, 2),
    ("Circuit Duinstrand", "Duinstrand", "Netherlands", "52.41", "4.6", -2, "Duinstrand", 4260, 2),
    ("Autodromo del Bosco Reale", "Bosco Reale", "Italy", "45.5", "9.33", 171, "Bosco Reale", 5790, 2),
    ("Caspian Gate Street Circuit", "Caspian Gate", "Azerbaijan", "40.4", "49.9", -9, "Caspian", 6000, 4),
    ("Orchid Bay Street Circuit", "Orchid Bay", "Singapore", "1.3", "103.8", 18, "Orchid Bay", 4940, 8),
    ("Armadillo Ridge Circuit", "Armadillo Ridge", "USA", "30.22", "-97.7", 161, "Lone Star", 5510, -5),
    ("Autódromo Lago Jaguar", "Lago Jaguar", "Mexico", "19.5", "-99.2", 2227, "Lago Jaguar", 4300, -6),
    ("Autódromo Serra do Tucano", "Serra do Tucano", "Brazil", "-23.8", "-46.8", 785, "Tucano", 4310, -3),
    ("Neon Mirage Strip Circuit", "Neon Mirage", "United States", "36.2", "-115.3", 642, "Neon", 6200, -8),
    ("Falcon Sands Circuit", "Falcon Sands", "Qatar", "25.6", "51.4", 12, "Falcon Sands", 5420, 3),
    ("Palm Lagoon Circuit", "Palm Lagoon", "UAE", "24.5", "54.7", 3, "Palm Lagoon", 5280, 4),
]


def words(text: str) -> list[str]:
    """The names in a text, between spaces. An underscore in a name stands for a space."""
    return [word.replace("_", " ") for word in text.split()]


TEAM_FIRST = words("""Kestrel Bramblewick Vulcano Éclair Nordwind Tanuki Cobalt Halcyon Ironbark Zephyra
    Marlowe Quicksilver Brontë Solaris Wyvern Copperhead""")
TEAM_SECOND = words("Racing Grand_Prix Motorsport Competition F1_Team Autosport Works")
TEAM_NATIONS = words("British Italian French German American Swiss Austrian Japanese Indian")
SURNAME_START = words("""Ald Bren Cald Dorn Esk Fal Gavr Holm Ist Jor Kest Lum Marv Nev Ork Pell Quin Rav Solv
    Tarn Ulv Venn Wex Zan""")
SURNAME_END = words("aro ović asson etti ushi anen ière mond über inho eström gate vliet kova lund dale")
FORENAMES = words("""Alvar Bastien Ciro Dara Élodie Faro Grégor Hana Ilya Jón Kaito Léonie Mateo Nils Orla
    Pavel Quill Rémy Sören Tomás Una Vito Wren Zoë""")
NATIONS = words("""British Italian Dutch Spanish Brazilian American Japanese Australian French German Finnish
    Mexican Canadian Monegasque Thai New_Zealander Chinese Danish Belgian""")
