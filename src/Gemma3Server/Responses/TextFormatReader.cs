using System.Text.Json;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;

namespace Gemma3Server.Responses;

/// <summary>Reads the form that the answer is to have; the one place that knows what this server can do about it.</summary>
internal static class TextFormatReader
{
    private const string Text = "text";

    public static ResponseTextBody Read(ResponseTextOptions? options, IgnoredParameters ignored, FieldChecks checks)
    {
        checks.Word("text.verbosity", options?.Verbosity, EffectlessFields.Verbosities);
        ignored.AddIf("text.verbosity", options?.Verbosity is not null);
        ignored.AddAll("text.", options?.Others);
        if (options?.Format is { } format && !format.IsNull()) Check(format, checks);
        return new(new(Text), options?.Verbosity ?? "medium");
    }

    private static void Check(JsonElement format, FieldChecks checks)
    {
        if (format.ValueKind != JsonValueKind.Object) checks.Add(OpenAiError.WrongType("text.format", "an object", format.Describe()));
        else if (!format.TryGetProperty("type", out var type)) checks.Add(OpenAiError.Missing("text.format.type"));
        else if (!type.TryGetText(out var kind)) checks.Add(OpenAiError.WrongType("text.format.type", "a string", type.Describe()));
        else if (kind != Text)
        {
            checks.Add(OpenAiError.UnsupportedValue("text.format",
                $"'text.format.type' must be 'text' on this server, but is '{Excerpt.Of(kind)}'."));
        }
    }
}
