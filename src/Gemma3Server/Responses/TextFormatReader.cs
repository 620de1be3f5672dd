using System.Text.Json;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Engine.Structured;

namespace Gemma3Server.Responses;

/// <summary>Reads the form that the answer is to have.</summary>
internal static class TextFormatReader
{
    private static readonly JsonElement AnyText = JsonElement.Parse("""{"type":"text"}""");

    /// <summary>The form as the response tells it, and the grammar that brings it about; null when any text will do. It is not compiled yet.</summary>
    public static (ResponseTextBody Body, (GrammarDefinition Definition, string Field)? Grammar) Read(
        ResponseTextOptions? options, IgnoredParameters ignored, FieldChecks checks)
    {
        checks.Word("text.verbosity", options?.Verbosity, EffectlessFields.Verbosities);
        ignored.AddIf("text.verbosity", options?.Verbosity is not null);
        ignored.AddAll("text.", options?.Others);
        var format = options?.Format is { } given && !given.IsNull() ? given : AnyText;
        return (new(format, options?.Verbosity ?? "medium"), StructuredOutputReader.Read(format, "text.format", nested: false, extension: null, checks));
    }
}
