using System.Text.Json;

namespace Gemma3Server.Chat.Tools;

/// <summary>What the arguments of a tool are constrained by, which is a little narrower than its schema.</summary>
internal static class ToolParameters
{
    /// <summary>Whether a schema admits objects by its type.</summary>
    public static bool IsOfObjects(JsonElement schema) => !schema.TryGetProperty("type", out var type)
        || IsObject(type) || (type.ValueKind == JsonValueKind.Array && type.EnumerateArray().Any(IsObject));

    /// <summary>
    /// The schema, made one of objects alone, since arguments are nothing else. Empty when there are none: that is what an empty list of
    /// properties means to those who write it.
    /// </summary>
    public static string Constraint(JsonElement schema)
    {
        if (schema.TryGetProperty("properties", out _) && schema.EnumerateObject().All(SaysNothing)) return "";
        List<string> members = ["\"type\":\"object\""];
        foreach (var keyword in schema.EnumerateObject())
        {
            if (keyword.Name is not ("type" or "nullable")) members.Add($"{ToolFormat.Quote(keyword.Name)}:{ToolFormat.Compact(keyword.Value)}");
        }

        return $"{{{string.Join(',', members)}}}";
    }

    /// <summary>
    /// The schema as the model is shown it: in the order that Google's examples have, whatever the client's is, since small models are used to
    /// it; without what says that there are no other arguments, which the constraint sees to.
    /// </summary>
    public static string Shown(JsonElement schema)
    {
        string[] first = ["type", "description", "properties", "required"];
        var keywords = schema.EnumerateObject()
            .Where(keyword => keyword.Name != "$schema" && !(keyword.Name == "additionalProperties" && keyword.Value.ValueKind == JsonValueKind.False))
            .OrderBy(keyword => Array.IndexOf(first, keyword.Name) is >= 0 and var place ? place : first.Length);
        return $"{{{string.Join(',', keywords.Select(keyword => $"{ToolFormat.Quote(keyword.Name)}:{ToolFormat.Compact(keyword.Value)}"))}}}";
    }

    /// <summary>Whether a keyword, beside an empty list of properties, leaves it at that.</summary>
    private static bool SaysNothing(JsonProperty keyword) => keyword.Name switch
    {
        "type" or "title" or "description" or "$schema" => true,
        "properties" => keyword.Value.ValueKind == JsonValueKind.Object && !keyword.Value.EnumerateObject().Any(),
        "required" => keyword.Value.ValueKind == JsonValueKind.Array && keyword.Value.GetArrayLength() == 0,
        "additionalProperties" => keyword.Value.ValueKind == JsonValueKind.False,
        _ => false,
    };

    private static bool IsObject(JsonElement type) => type.ValueKind == JsonValueKind.String && type.ValueEquals("object");
}
