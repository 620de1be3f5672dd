namespace Gemma3Pocket.Curriculum.Data;

/// <summary>Facts in pairs.</summary>
internal static class WorldFacts
{
    public static IReadOnlyList<(string Country, string Capital)> Capitals { get; } = Pairs(
        "France:Paris, Italy:Rome, Germany:Berlin, Spain:Madrid, Portugal:Lisbon, England:London, Austria:Vienna, Norway:Oslo, Sweden:Stockholm, " +
        "Finland:Helsinki, Denmark:Copenhagen, Iceland:Reykjavik, Ireland:Dublin, Scotland:Edinburgh, Wales:Cardiff, Poland:Warsaw, Greece:Athens, " +
        "Hungary:Budapest, Romania:Bucharest, Bulgaria:Sofia, Croatia:Zagreb, Serbia:Belgrade, Slovenia:Ljubljana, Slovakia:Bratislava, " +
        "Belgium:Brussels, Switzerland:Bern, Ukraine:Kyiv, Russia:Moscow, Estonia:Tallinn, Latvia:Riga, Lithuania:Vilnius, Albania:Tirana, " +
        "Malta:Valletta, Cyprus:Nicosia, Turkey:Ankara, Egypt:Cairo, Morocco:Rabat, Tunisia:Tunis, Algeria:Algiers, Kenya:Nairobi, Ghana:Accra, " +
        "Nigeria:Abuja, Senegal:Dakar, Ethiopia:Addis Ababa, Uganda:Kampala, Zambia:Lusaka, Zimbabwe:Harare, Japan:Tokyo, China:Beijing, " +
        "India:New Delhi, Thailand:Bangkok, Vietnam:Hanoi, Indonesia:Jakarta, Nepal:Kathmandu, Pakistan:Islamabad, Iran:Tehran, Iraq:Baghdad, " +
        "Canada:Ottawa, Mexico:Mexico City, Cuba:Havana, Brazil:Brasilia, Argentina:Buenos Aires, Chile:Santiago, Peru:Lima, Colombia:Bogota, " +
        "Uruguay:Montevideo, Ecuador:Quito, Venezuela:Caracas, Australia:Canberra, New Zealand:Wellington");

    /// <summary>The thing with its article, and its colour.</summary>
    public static IReadOnlyList<(string Thing, string Colour)> Colours { get; } = Pairs(
        "the sky:blue, the sun:yellow, grass:green, snow:white, milk:white, coal:black, blood:red, a banana:yellow, a lemon:yellow, a tomato:red, " +
        "a strawberry:red, a cherry:red, an orange:orange, a carrot:orange, a frog:green, a pea:green, a cucumber:green, chocolate:brown, " +
        "coffee:brown, a bear:brown, an elephant:grey, a mouse:grey, a raven:black, the night:black, a swan:white, salt:white, sugar:white, " +
        "the sea:blue, a flamingo:pink, a pig:pink, a plum:purple, a leaf:green, a fire truck:red, a polar bear:white, a pumpkin:orange, " +
        "honey:yellow, spinach:green, a canary:yellow, a rainy cloud:grey, soot:black");

    public static IReadOnlyList<(string Word, string Opposite)> Opposites { get; } = Pairs(
        "hot:cold, big:small, old:new, fast:slow, high:low, long:short, light:dark, day:night, good:bad, happy:sad, rich:poor, hard:soft, wet:dry, " +
        "full:empty, open:closed, up:down, left:right, in:out, on:off, first:last, early:late, loud:quiet, strong:weak, thick:thin, wide:narrow, " +
        "clean:dirty, heavy:light, young:old, true:false, yes:no, black:white, before:after, above:below, near:far, deep:shallow, sweet:sour, " +
        "love:hate, win:lose, buy:sell, give:take, push:pull, start:stop, begin:end, rise:fall, laugh:cry, ask:answer, remember:forget, north:south, " +
        "east:west, summer:winter, war:peace, friend:enemy, brave:afraid, cheap:expensive, easy:difficult, right:wrong, smooth:rough, tall:short");

    public static IReadOnlyList<(string One, string Many)> Plurals { get; } = Pairs(
        "cat:cats, dog:dogs, book:books, tree:trees, house:houses, car:cars, apple:apples, table:tables, bird:birds, star:stars, river:rivers, " +
        "flower:flowers, horse:horses, friend:friends, box:boxes, bus:buses, dish:dishes, watch:watches, glass:glasses, fox:foxes, church:churches, " +
        "city:cities, baby:babies, lady:ladies, story:stories, berry:berries, country:countries, key:keys, boy:boys, day:days, toy:toys, " +
        "mouse:mice, man:men, woman:women, child:children, foot:feet, tooth:teeth, goose:geese, person:people, sheep:sheep, fish:fish, deer:deer, " +
        "knife:knives, wife:wives, life:lives, leaf:leaves, wolf:wolves, loaf:loaves, half:halves, shelf:shelves, potato:potatoes, tomato:tomatoes, " +
        "hero:heroes, piano:pianos, photo:photos, ox:oxen, chair:chairs, window:windows, pencil:pencils, cherry:cherries");

    public static IReadOnlyList<string> Days { get; } = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".Split(' ');

    public static IReadOnlyList<string> Months { get; } =
        "January February March April May June July August September October November December".Split(' ');

    private static (string, string)[] Pairs(string table) =>
        [.. table.Split(", ").Select(pair => pair.Split(':')).Select(pair => (pair[0], pair[1]))];
}
