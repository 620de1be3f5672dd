using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Reading client JSON without trusting it.</summary>
internal static class JsonText
{
    /// <summary>
    /// A string's value; false for other kinds, for strings with half a surrogate pair, which no tokenizer can take, and for those with a NUL
    /// character, which is no text and ends strings early in native code.
    /// </summary>
    public static bool TryGetText(this JsonElement element, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (element.ValueKind != JsonValueKind.String) return false;
        try
        {
            text = element.GetString();
        }
        catch (InvalidOperationException)
        {
            // An unpaired \uD800 to \uDFFF escape.
        }

        if (text?.Contains('\0') == true) text = null;
        return text is not null;
    }

    /// <summary>The given value as a message quotes it.</summary>
    public static string Describe(this JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.Null or JsonValueKind.Undefined => "null",
        JsonValueKind.String when !element.TryGetText(out _) => "a string with a NUL character or half a surrogate pair",
        _ => Excerpt.Of(element.GetRawText()),
    };

    public static bool IsNull(this JsonElement element) => element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;
}
