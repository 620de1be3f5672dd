using System.Text.Json;
using System.Text.Json.Serialization;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

namespace Gemma3Server.Cli.Inspect;

/// <summary>The inspection as JSON, in snake case; what does not apply is absent.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(CheckpointInspection))]
internal sealed partial class InspectJson : JsonSerializerContext
{
    public static string Of(CheckpointInspection inspection) => JsonSerializer.Serialize(inspection, Default.CheckpointInspection);
}
