using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Responses;

/// <summary>A response: the answer, how it stands, and what was asked for.</summary>
internal sealed record ResponseBody
{
    public static readonly JsonElement AutoChoice = JsonElement.Parse("\"auto\"");

    /// <summary><c>resp_...</c></summary>
    public required string Id { get; init; }

    /// <summary>Always <c>response</c>.</summary>
    public string Object { get; init; } = "response";

    /// <summary>Unix time in seconds.</summary>
    public required long CreatedAt { get; init; }

    /// <summary><c>completed</c>, <c>incomplete</c>, <c>failed</c>, <c>cancelled</c>, <c>in_progress</c> or <c>queued</c>.</summary>
    public required string Status { get; init; }

    /// <summary>Whether it runs without the client.</summary>
    public bool Background { get; init; }

    /// <summary>Unix time in seconds, once completed.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public long? CompletedAt { get; init; }

    /// <summary>Why it failed, if it did.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ResponseErrorBody? Error { get; init; }

    /// <summary>Why it is incomplete, if it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ResponseIncompleteDetails? IncompleteDetails { get; init; }

    /// <summary>The instructions of this response; those of earlier ones do not count.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Instructions { get; init; }

    /// <summary>The bound that was asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int? MaxOutputTokens { get; init; }

    /// <summary>Without effect: there are no built-in tools.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int? MaxToolCalls { get; init; }

    /// <summary>Id of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The answer: a message, calls of functions, or one before the others.</summary>
    public IReadOnlyList<ResponseItem> Output { get; init; } = [];

    /// <summary>What was asked for.</summary>
    public bool ParallelToolCalls { get; init; } = true;

    /// <summary>The response that this one continues.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? PreviousResponseId { get; init; }

    /// <summary>What was asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? PromptCacheKey { get; init; }

    /// <summary>What was asked for.</summary>
    public ResponseReasoning Reasoning { get; init; } = new();

    /// <summary>What was asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? SafetyIdentifier { get; init; }

    /// <summary>The tier that was used.</summary>
    public required string ServiceTier { get; init; }

    /// <summary>Whether it is kept.</summary>
    public bool Store { get; init; } = true;

    /// <summary>The temperature that was used.</summary>
    public double Temperature { get; init; }

    /// <summary>The form of the answer.</summary>
    public required ResponseTextBody Text { get; init; }

    /// <summary>How tools were to be used.</summary>
    public JsonElement ToolChoice { get; init; } = AutoChoice;

    /// <summary>The functions that may be called, as they were sent.</summary>
    public IReadOnlyList<JsonElement> Tools { get; init; } = [];

    /// <summary>How many of the most probable tokens were asked for.</summary>
    public int TopLogprobs { get; init; }

    /// <summary>The probability mass that was sampled from.</summary>
    public double TopP { get; init; }

    /// <summary><c>auto</c> or <c>disabled</c>.</summary>
    public required string Truncation { get; init; }

    /// <summary>Token counts, once the prompt has been computed and the response has ended.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ResponseUsage? Usage { get; init; }

    /// <summary>What was asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? User { get; init; }

    /// <summary>What was sent.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}
