using System.Globalization;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Checks optional fields against their bounds and keeps the first fault.</summary>
internal sealed class FieldChecks
{
    public OpenAiError? Error { get; private set; }

    public float Float(string name, double? value, float fallback, double minimum, double maximum)
    {
        if (value is not { } given) return fallback;
        if (!(given >= minimum && given <= maximum)) Fail(name, $"from {Text(minimum)} to {Text(maximum)}", Text(given));
        return (float)given;
    }

    public int Integer(string name, long? value, int fallback, long minimum, long maximum = int.MaxValue)
    {
        if (value is not { } given) return fallback;
        if (given >= minimum && given <= maximum) return (int)given;
        Fail(name, maximum == int.MaxValue ? $"at least {Text(minimum)}" : $"from {Text(minimum)} to {Text(maximum)}", Text(given));
        return fallback;
    }

    /// <summary>Checks a text's length, in characters as people count them.</summary>
    public void Length(string name, string? value, int maximum)
    {
        if (value is null || value.Length <= maximum) return;
        var length = value.EnumerateRunes().Count();
        if (length > maximum) Fail(name, $"at most {Text(maximum)} characters long", Text(length));
    }

    /// <summary>Checks that a text is one of some words.</summary>
    public void Word(string name, string? value, string[] words)
    {
        if (value is null || words.Contains(value)) return;
        Fail(name, $"\"{string.Join("\", \"", words[..^1])}\" or \"{words[^1]}\"", $"'{Excerpt.Of(value)}'");
    }

    public void Fail(string name, string bound, string given) =>
        Add(OpenAiError.OutOfRange(name, $"'{name}' must be {bound}, but is {given}."));

    public void Add(OpenAiError? error) => Error ??= error;

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
