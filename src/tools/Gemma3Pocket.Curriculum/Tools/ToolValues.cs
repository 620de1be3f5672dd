using System.Globalization;
using Gemma3Pocket.Curriculum.Data;
using Gemma3Pocket.Curriculum.Skills;

namespace Gemma3Pocket.Curriculum.Tools;

/// <summary>Values of arguments and results by their kind.</summary>
internal static class ToolValues
{
    private static readonly string[] Messages =
    [
        "dinner is ready", "I am late", "the bus is gone", "call me back", "see you at home", "the book is here", "bring milk", "happy birthday", "good luck",
        "the door is open", "come to the garden", "wait at the bridge",
    ];

    private static readonly string[] Rooms = ["kitchen", "bedroom", "bathroom", "garage", "office", "hall", "cellar", "garden"];

    private static readonly string[] Titles = ["meeting", "lunch", "dinner", "party", "concert", "lesson", "walk", "game", "call", "visit"];

    private static readonly string[] Currencies = ["euros", "dollars", "pounds", "yen", "francs", "crowns"];

    private static readonly string[] Skies = ["clear", "cloudy", "rainy", "sunny", "windy", "foggy"];

    public static bool IsNumber(string kind) => kind is "number" or "small" or "degrees" or "large";

    public static string Draw(LessonRandom random, string kind) => kind switch
    {
        "city" => random.Percent(90) ? random.Of(Names.Cities) : Phrasing.Capital(CopyLessons.MadeUp(random)),
        "person" => random.Percent(90) ? random.Of(Names.People) : Phrasing.Capital(CopyLessons.MadeUp(random)),
        "message" => random.Of(Messages),
        "room" => random.Of(Rooms),
        "title" => random.Of(Titles),
        "day" => random.Of(WorldFacts.Days),
        "currency" => random.Of(Currencies),
        "sky" => random.Of(Skies),
        "song" => $"{Phrasing.Capital(random.Of(Words.Adjectives))} {Phrasing.Capital(random.Of(Words.Listed))}",
        "symbol" => string.Concat(Enumerable.Range(0, random.Between(2, 4)).Select(_ => (char)('A' + random.Below(26)))),
        "time" => $"{random.Below(24):00}:{random.Below(12) * 5:00}",
        "flight" => $"{(char)('A' + random.Below(26))}{(char)('A' + random.Below(26))}{random.Between(10, 99)}",
        "state" => random.Of(["on", "off"]),
        "item" => random.Of(Words.Listed),
        "number" => Number(random.Between(2, 99)),
        "small" => Number(random.Between(1, 60)),
        "degrees" => Number(random.Between(0, 40)),
        "large" => Number(random.Between(100, 2999)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There are no values of this kind."),
    };

    public static string Literal(string kind, string value) => IsNumber(kind) ? value : $"\"{value}\"";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
