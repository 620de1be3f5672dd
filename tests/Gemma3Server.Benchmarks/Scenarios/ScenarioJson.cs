using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Writes all results, every round of them, to a file.</summary>
internal static class ScenarioJson
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(FileInfo file, string subject, Scale scale, IReadOnlyList<ScenarioResult> results)
    {
        var json = new JsonObject
        {
            ["subject"] = subject,
            ["scale"] = scale.Factor,
            ["scenarios"] = new JsonArray([.. results.Select(Scenario)]),
        };
        file.Directory?.Create();
        File.WriteAllText(file.FullName, json.ToJsonString(Indented) + "\n");
    }

    private static JsonObject Scenario(ScenarioResult result) => new()
    {
        ["name"] = result.Scenario.Name,
        ["title"] = result.Scenario.Title,
        ["sequences"] = result.Scenario.Sequences,
        ["context"] = result.Scenario.ContextLength,
        ["off_settings"] = new JsonObject(result.OffSettings.Select(setting => KeyValuePair.Create(setting.Key, (JsonNode?)setting.Value))),
        ["notes"] = new JsonArray([.. result.Notes.Select(note => (JsonNode)note)]),
        ["metrics"] = new JsonArray([.. result.Metrics.Select(metric => Measured(result, metric))]),
    };

    private static JsonObject Measured(ScenarioResult result, Metric metric)
    {
        var ratio = result.Ratio(metric);
        var json = new JsonObject { ["name"] = metric.Name };
        foreach (var side in Enum.GetValues<SideKind>())
        {
            json[side.Title()] = Number(result.Median(side, metric));
            json[$"{side.Title()}_rounds"] = new JsonArray([.. result.Values(side, metric).Select(Number)]);
        }

        json["ratio"] = Number(ratio);
        json["ratio_of"] = double.IsNaN(ratio) ? null : result.Against(metric).Title();
        json["target"] = metric.Target?.ToString();
        json["target_met"] = metric.Target is { } target && !double.IsNaN(ratio) ? target.IsMet(ratio) : null;
        return json;
    }

    /// <summary>JSON has no not-a-number.</summary>
    private static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(Math.Round(value, 4)) : null;
}
