using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Capitals, colours, opposites, plurals, days and months. The key is the phrasing with its subject: every subject is trained.</summary>
internal static class FactsLessons
{
    private static readonly string[] CapitalOf =
    [
        "What is the capital of {0}?", "Which city is the capital of {0}?", "Name the capital of {0}.", "What is the capital city of {0}?",
        "Tell me the capital of {0}.", "What is {0}'s capital?", "Capital of {0}?", "Do you know the capital of {0}?",
    ];

    private static readonly string[] CountryOf =
    [
        "{0} is the capital of which country?", "Which country has the capital {0}?", "What country is {0} the capital of?",
        "Of which country is {0} the capital?", "Name the country whose capital is {0}.", "Which country's capital is {0}?",
    ];

    private static readonly string[] ColourOf =
    [
        "What colour is {0}?", "Which colour is {0}?", "Tell me the colour of {0}.", "What is the colour of {0}?", "What color is {0}?",
        "Do you know the colour of {0}?", "Name the colour of {0}.",
    ];

    private static readonly string[] OppositeOf =
    [
        "What is the opposite of {0}?", "Opposite of {0}?", "Tell me the opposite of {0}.", "Name the opposite of {0}.",
        "Which word is the opposite of {0}?", "Give me the opposite of \"{0}\".", "What is the opposite of the word {0}?",
    ];

    private static readonly string[] PluralOf =
    [
        "What is the plural of {0}?", "Plural of {0}?", "Tell me the plural of {0}.", "Give me the plural of \"{0}\".", "Name the plural of {0}.",
        "What is the plural of the word {0}?", "How do you write the plural of {0}?",
    ];

    private static readonly string[] After =
    [
        "Which {1} comes after {0}?", "What {1} comes after {0}?", "What is the {1} after {0}?", "Which {1} follows {0}?", "Name the {1} after {0}.",
        "What is the next {1} after {0}?", "Tell me the {1} after {0}.",
    ];

    private static readonly string[] Before =
    [
        "Which {1} comes before {0}?", "What {1} comes before {0}?", "What is the {1} before {0}?", "Name the {1} before {0}.",
        "Tell me the {1} before {0}.", "Which {1} is before {0}?",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        switch (random.Below(12))
        {
            case < 3:
            {
                var (country, capital) = random.Of(WorldFacts.Capitals);
                return Ask(random, CapitalOf, country, $"The capital of {country} is {capital}.");
            }
            case < 5:
            {
                var (country, capital) = random.Of(WorldFacts.Capitals);
                return Ask(random, CountryOf, capital, $"{capital} is the capital of {country}.");
            }
            case < 7:
            {
                var (thing, colour) = random.Of(WorldFacts.Colours);
                return Ask(random, ColourOf, thing, $"{Phrasing.Capital(thing)} is {colour}.");
            }
            case < 9:
            {
                var (word, opposite) = random.Of(WorldFacts.Opposites);
                return Ask(random, OppositeOf, word, $"The opposite of {word} is {opposite}.");
            }
            case < 11:
            {
                var (one, many) = random.Of(WorldFacts.Plurals);
                return Ask(random, PluralOf, one, $"The plural of {one} is {many}.");
            }
            default:
                return random.Percent(40) ? Neighbour(random, WorldFacts.Days, "day") : Neighbour(random, WorldFacts.Months, "month");
        }
    }

    private static LessonDraft Neighbour(LessonRandom random, IReadOnlyList<string> circle, string unit)
    {
        var at = random.Below(circle.Count);
        var later = random.Percent(50);
        var neighbour = circle[(at + (later ? 1 : circle.Count - 1)) % circle.Count];
        return Ask(random, later ? After : Before, circle[at], $"The {unit} {(later ? "after" : "before")} {circle[at]} is {neighbour}.", unit);
    }

    private static LessonDraft Ask(LessonRandom random, string[] phrasings, string subject, string answer, string unit = "")
    {
        var phrasing = random.Of(phrasings);
        return new LessonDraft($"fact|{phrasing}|{subject}", Phrasing.Open(random, Phrasing.Fill(phrasing, subject, unit)), answer);
    }
}
