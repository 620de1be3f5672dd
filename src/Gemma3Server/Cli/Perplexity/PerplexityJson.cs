using System.Text.Json;
using System.Text.Json.Serialization;
using Gemma3Server.Engine.Evaluation;

namespace Gemma3Server.Cli.Perplexity;

/// <summary>The figures as JSON, in snake case; what does not apply is absent. Divergences in nats, shares from 0 to 1.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(EvaluationResult))]
internal sealed partial class PerplexityJson : JsonSerializerContext
{
    public static string Of(EvaluationResult result) => JsonSerializer.Serialize(result, Default.EvaluationResult);
}
