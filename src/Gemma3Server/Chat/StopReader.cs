using System.Text.Json;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Reads the stop strings: one, or up to four.</summary>
internal static class StopReader
{
    private const int MaxStopStrings = 4;

    /// <summary>A stop string's table takes memory and its text is held back: a page is more than anybody looks for.</summary>
    private const int MaxLength = 4096;

    public static string[] Read(JsonElement? stop, FieldChecks checks)
    {
        if (stop is not { } value || value.IsNull()) return [];
        if (value.TryGetText(out var single)) return CheckStop("stop", single, checks);
        if (value.ValueKind != JsonValueKind.Array)
        {
            checks.Add(OpenAiError.WrongType("stop", "a string or an array of strings", value.Describe()));
            return [];
        }

        if (value.GetArrayLength() > MaxStopStrings)
        {
            checks.Add(OpenAiError.OutOfRange("stop",
                $"'stop' must have at most {MaxStopStrings} strings, but has {value.GetArrayLength()}."));
            return [];
        }

        var read = new List<string>();
        for (var i = 0; i < value.GetArrayLength(); i++)
        {
            if (value[i].TryGetText(out var text)) read.AddRange(CheckStop($"stop[{i}]", text, checks));
            else checks.Add(OpenAiError.WrongType($"stop[{i}]", "a string", value[i].Describe()));
        }

        return [.. read];
    }

    private static string[] CheckStop(string name, string text, FieldChecks checks)
    {
        if (text.Length == 0) checks.Fail(name, "a string of at least 1 character", "empty");
        checks.Length(name, text, MaxLength);
        return text.Length > 0 ? [text] : [];
    }
}
