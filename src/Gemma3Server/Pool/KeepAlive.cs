using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;

namespace Gemma3Server.Pool;

/// <summary>How long a model stays in memory after its last request.</summary>
/// <param name="Time">Zero = it goes at once; null = it stays.</param>
internal readonly partial record struct KeepAlive(TimeSpan? Time)
{
    /// <summary>Longer is no time but a wish to stay; a timer cannot be set for much longer either.</summary>
    private static readonly TimeSpan Most = TimeSpan.FromDays(30);

    /// <summary>The field of requests.</summary>
    public const string Field = "keep_alive";

    private const string Bound = "seconds, a time such as \"5m\" or \"1h30m\" of at most 720h, 0 (unload at once) or negative (never)";

    /// <summary>For ever.</summary>
    public static KeepAlive Forever { get; } = new(null);

    /// <summary>Reads a setting or a text: seconds, or numbers with h, m, s or ms.</summary>
    public static bool TryParse(string text, out KeepAlive keepAlive)
    {
        keepAlive = default;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return TryOf(number, out keepAlive);
        if (!Duration.IsMatch(text)) return false;
        var seconds = 0.0;
        foreach (Match part in Part.Matches(text))
        {
            seconds += double.Parse(part.Groups["number"].ValueSpan, CultureInfo.InvariantCulture) * part.Groups["unit"].Value switch
            {
                "h" => 3600,
                "m" => 60,
                "s" => 1,
                _ => 0.001,
            };
        }

        return TryOf(text[0] == '-' ? -1 : seconds, out keepAlive);
    }

    /// <summary>Reads <see cref="Field"/> of a request; null when it is not given.</summary>
    public static bool TryRead(JsonElement? field, out KeepAlive? keepAlive, [NotNullWhen(false)] out OpenAiError? error)
    {
        (keepAlive, error) = (null, null);
        if (field is not { } value || value.IsNull()) return true;
        var read = default(KeepAlive);
        var isRead = value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetDouble(out var number) && TryOf(number, out read),
            JsonValueKind.String => value.TryGetText(out var text) && TryParse(text, out read),
            _ => false,
        };
        if (isRead) keepAlive = read;
        else if (value.ValueKind is JsonValueKind.Number or JsonValueKind.String) error = OpenAiError.OutOfRange(Field, $"'{Field}' must be {Bound}, but is {value.Describe()}.");
        else error = OpenAiError.WrongType(Field, "a number or a string", value.Describe());
        return error is null;
    }

    public override string ToString() => Time is { } time ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###}s") : "-1";

    private static bool TryOf(double seconds, out KeepAlive keepAlive)
    {
        keepAlive = seconds < 0 ? Forever : new(seconds <= Most.TotalSeconds ? TimeSpan.FromSeconds(seconds) : TimeSpan.Zero);
        return seconds <= Most.TotalSeconds;
    }

    [GeneratedRegex(@"^-?(\d{1,9}(\.\d{1,9})?(h|ms|m|s))+\z")]
    private static partial Regex Duration { get; }

    [GeneratedRegex(@"(?<number>\d+(\.\d+)?)(?<unit>h|ms|m|s)")]
    private static partial Regex Part { get; }
}
