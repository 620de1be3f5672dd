using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Tokens;

/// <summary>The body of <c>POST /tokenize</c>, as users of llama-server (<c>content</c>) or vLLM (<c>prompt</c>) write it.</summary>
internal sealed record TokenizeRequest
{
    /// <summary>Id of a model, as <c>/v1/models</c> lists it, or another name of it; none = the default model.</summary>
    public string? Model { get; init; }

    /// <summary>The text.</summary>
    public JsonElement? Content { get; init; }

    /// <summary>The same under vLLM's name.</summary>
    public JsonElement? Prompt { get; init; }

    /// <summary>Whether to begin with the beginning-of-sequence token; without it, true with <c>prompt</c> and false with <c>content</c>.</summary>
    public bool? AddSpecial { get; init; }

    /// <summary>vLLM's name of <c>add_special</c>.</summary>
    public bool? AddSpecialTokens { get; init; }

    /// <summary>Always false here: text that spells a control token stays text.</summary>
    public bool? ParseSpecial { get; init; }

    /// <summary>Whether each token comes with its text.</summary>
    public bool? WithPieces { get; init; }

    /// <summary>vLLM's way to ask for the texts: in a list of their own.</summary>
    public bool? ReturnTokenStrs { get; init; }

    /// <summary>Extension: how long the model stays loaded after the request: seconds, a time such as <c>5m</c>, 0 = not at all, -1 = for ever.</summary>
    public JsonElement? KeepAlive { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
