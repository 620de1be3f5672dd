using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api;

/// <summary>
/// The fields that every request for a generation has in common. A field that neither stands here nor in the endpoint's own body is either
/// refused with a 400 or named in the response header <c>x-ignored-params</c>.
/// </summary>
internal abstract record GenerationFields
{
    /// <summary>Id of a model, as <c>/v1/models</c> lists it, or another name of it; none = the default model.</summary>
    public string? Model { get; init; }

    /// <summary>Whether to stream the answer as server-sent events.</summary>
    public bool? Stream { get; init; }

    /// <summary>Only with <c>stream</c>.</summary>
    public StreamOptions? StreamOptions { get; init; }

    /// <summary>0 (always the most probable token) to 2.</summary>
    [DefaultValue(1.0)]
    public double? Temperature { get; init; }

    /// <summary>0 to 1: sample from the smallest set of tokens with this probability.</summary>
    [DefaultValue(0.95)]
    public double? TopP { get; init; }

    /// <summary>-2 to 2: subtracted once from the logit of tokens that were generated.</summary>
    public double? PresencePenalty { get; init; }

    /// <summary>-2 to 2: subtracted for every time a token was generated.</summary>
    public double? FrequencyPenalty { get; init; }

    /// <summary>Token id to a bias of -100 to 100.</summary>
    public IReadOnlyDictionary<string, double>? LogitBias { get; init; }

    /// <summary>The same request with the same seed gives the same answer.</summary>
    public long? Seed { get; init; }

    /// <summary>A string, or up to 4, that end the answer and are not part of it.</summary>
    public JsonElement? Stop { get; init; }

    /// <summary>Extension: sample from the k most probable tokens; 0 = all.</summary>
    [DefaultValue(64)]
    public long? TopK { get; init; }

    /// <summary>Extension, 0 to 1: drop tokens less probable than this fraction of the most probable one.</summary>
    public double? MinP { get; init; }

    /// <summary>Extension, 0 to 1: sample from the most typical tokens that reach this probability together; 1 = off.</summary>
    [DefaultValue(1)]
    public double? TypicalP { get; init; }

    /// <summary>Extension, 0.01 to 10: makes tokens of prompt and answer less probable; 1 = off.</summary>
    public double? RepeatPenalty { get; init; }

    /// <summary>Extension: tokens before the answer may end by itself, be it by the model's end of turn, a stop token or a stop string.</summary>
    public long? MinTokens { get; init; }

    /// <summary>Extension: ids of tokens, at most 128, that end the answer and are not part of it.</summary>
    public IReadOnlyList<long>? StopTokenIds { get; init; }

    /// <summary>Extension: do not end the answer at the model's end of turn.</summary>
    public bool? IgnoreEos { get; init; }

    /// <summary>Extension: whether the cached prefix of an earlier request may be reused.</summary>
    [DefaultValue(true)]
    public bool? CachePrompt { get; init; }

    /// <summary>
    /// Where to stand in the queue: <c>priority</c> before <c>default</c> (the same as <c>auto</c>) before <c>flex</c>, which nevertheless
    /// has its turns.
    /// </summary>
    [DefaultValue("auto")]
    public string? ServiceTier { get; init; }

    /// <summary>Extension: how long the model stays loaded after the request: seconds, a time such as <c>5m</c>, 0 = not at all, -1 = for ever.</summary>
    public JsonElement? KeepAlive { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
