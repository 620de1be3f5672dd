using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>The string formats of JSON Schema, each as a regular expression: all of what it describes, or its usual part.</summary>
internal static class StringFormats
{
    private const string Year = "(000[1-9]|00[1-9]\\d|0[1-9]\\d\\d|[1-9]\\d{3})";
    private const string LeapYear = "(\\d\\d(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)";
    private const string Date =
        $"({Year}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|{LeapYear}-02-29)";

    private const string Time = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,7})?(Z|[+-](0\\d|1[0-3]):[0-5]\\d)";
    private const string Byte = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private const string Ipv4 = $"{Byte}(\\.{Byte}){{3}}";
    private const string Group = "[0-9a-fA-F]{1,4}";
    private const string Label = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?";
    private const string Host = $"({Label}\\.){{0,4}}[A-Za-z]([A-Za-z0-9-]{{0,20}}[A-Za-z0-9])?";
    private const string UriCharacter = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";

    private static readonly Dictionary<string, string> Expressions = new(StringComparer.Ordinal)
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = $"{Date}T{Time}",
        ["uuid"] = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        ["email"] = $"[A-Za-z0-9_+-]{{1,30}}(\\.[A-Za-z0-9_+-]{{1,20}}){{0,2}}@({Label}\\.){{1,4}}[A-Za-z]{{2,20}}",
        ["ipv4"] = Ipv4,
        ["ipv6"] = Ipv6(),
        ["uri"] = $"[A-Za-z][A-Za-z0-9+.-]{{0,15}}://{Host}(:[1-9]\\d{{0,3}})?(/{UriCharacter}{{0,60}}){{0,10}}(\\?{UriCharacter}{{0,100}})?(#{UriCharacter}{{0,60}})?",
    };

    public static IEnumerable<string> Names => Expressions.Keys;

    /// <summary>The strings of a format, or <see langword="null"/> when it is not known.</summary>
    public static Pattern? TryGet(string name, PatternFactory factory) =>
        Expressions.TryGetValue(name, out var expression) ? RegexParser.Whole(factory, expression) : null;

    /// <summary>Eight groups, or fewer around one ::.</summary>
    private static string Ipv6()
    {
        var ways = new List<string> { $"({Group}:){{7}}{Group}", "::" };
        for (var before = 0; before <= 7; before++)
        {
            var head = before == 0 ? ":" : $"({Group}:){{{before}}}";
            if (before < 7) ways.Add($"{head}(:{Group}){{1,{7 - before}}}");
            if (before > 0) ways.Add($"{head}:");
        }

        return string.Join('|', ways);
    }
}
