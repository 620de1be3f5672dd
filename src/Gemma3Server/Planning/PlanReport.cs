using System.Text.Json.Serialization;

namespace Gemma3Server.Planning;

/// <summary>What fits: the body of <c>GET /v1/plan</c> and the JSON of <c>plan</c>.</summary>
/// <param name="Data">The models.</param>
internal sealed record PlanReport(IReadOnlyList<ModelPlan> Data)
{
    /// <summary>Always <c>plan</c>.</summary>
    [JsonPropertyOrder(-1)]
    public string Object { get; init; } = "plan";
}
