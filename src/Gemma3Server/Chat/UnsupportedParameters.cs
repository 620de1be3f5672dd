using System.Text.Json;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>
/// OpenAI parameters that would change the answer and that this server cannot honour yet. Their neutral values are accepted; anything else
/// is refused rather than ignored.
/// </summary>
internal sealed class UnsupportedParameters
{
    /// <summary>Fields that OpenAI has replaced long ago.</summary>
    private static readonly Dictionary<string, string> Replacements = new(StringComparer.Ordinal)
    {
        ["functions"] = "tools",
        ["function_call"] = "tool_choice",
    };

    private readonly Dictionary<string, (Func<JsonElement, bool> IsNeutral, string? Allowed)> _rules = new(StringComparer.Ordinal);

    private UnsupportedParameters()
    {
    }

    /// <summary>Those of <c>/v1/chat/completions</c>.</summary>
    public static UnsupportedParameters Chat { get; } = new()
    {
        _rules =
        {
            ["functions"] = (IsEmptyArray, null),
            ["audio"] = (_ => false, null),
            ["web_search_options"] = (_ => false, null),
            ["function_call"] = (value => IsText(value, "none"), "\"none\""),
            ["best_of"] = (value => IsNumber(value, 1), "1"),
        },
    };

    /// <summary>Those of <c>/v1/responses</c>.</summary>
    public static UnsupportedParameters Responses { get; } = new()
    {
        _rules =
        {
            ["conversation"] = (_ => false, null),
            ["prompt"] = (_ => false, null),
            ["moderation"] = (_ => false, null),
            ["context_management"] = (IsEmptyArray, null),
        },
    };

    /// <summary>Those of <c>/v1/completions</c>.</summary>
    public static UnsupportedParameters Completions { get; } = new()
    {
        _rules = { ["response_format"] = (IsTextFormat, "{\"type\": \"text\"}") },
    };

    /// <summary>Whether a name is handled here, be it with a neutral value.</summary>
    public bool Knows(string name) => _rules.ContainsKey(name);

    /// <summary>The refusal of a given value; null when the value changes nothing.</summary>
    public OpenAiError? Check(string name, JsonElement value)
    {
        if (!_rules.TryGetValue(name, out var rule) || value.IsNull() || rule.IsNeutral(value)) return null;
        if (Replacements.TryGetValue(name, out var replacement))
            return OpenAiError.UnsupportedParameter(name, $"'{name}' was replaced by '{replacement}', which this server reads.");
        return rule.Allowed is null
            ? OpenAiError.UnsupportedParameter(name, $"'{name}' is not supported by this server.")
            : OpenAiError.UnsupportedValue(name, $"'{name}' must be {rule.Allowed} on this server, but is {value.Describe()}.");
    }

    private static bool IsEmptyArray(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0;

    private static bool IsNumber(JsonElement value, int number) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var given) && given == number;

    private static bool IsText(JsonElement value, string text) => value.TryGetText(out var given) && given == text;

    private static bool IsTextFormat(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty("type", out var type) && IsText(type, "text");
}
