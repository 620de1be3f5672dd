using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat.Tools;

/// <summary>How tools, their calls and their results stand in Gemma 3's prompt, which has neither a role nor control tokens for them.</summary>
/// <remarks>
/// <para>Google documents two forms of calls, JSON and pythonic, both with the declarations as JSON before the first question, and publishes
/// no figure that puts one above the other. JSON is the default: it needs no translation between the schema, what is generated and what a client
/// reads, its types are the schema's, keys that are no identifiers can be written, and the pocket model was trained on it.</para>
/// <para>Results stand in a user's turn, each in the fence that Google's examples use. There are no ids in the prompt: results are in the
/// order of their calls.</para>
/// </remarks>
internal static class ToolFormat
{
    private const string Beginning = "You have access to functions. If you decide to invoke any of the function(s),\n you MUST put it in the format of\n";

    private const string End = "\n\nYou SHOULD NOT include any other text in the response if you call a function\n";

    private const string JsonForm = "{\"name\": function name, \"parameters\": dictionary of argument name and its value}";

    private const string PythonicForm = "[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]";

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Instructions and declarations, with the empty line before the question.</summary>
    public static string Preamble(ToolCallForm form, IEnumerable<ToolDeclaration> tools) =>
        $"{Beginning}{(form == ToolCallForm.Json ? JsonForm : PythonicForm)}{End}[{string.Join(',', tools.Select(tool => tool.Json))}]\n\n";

    /// <summary>A declaration as compact JSON.</summary>
    public static string Declaration(string name, string? description, string? parameters)
    {
        var about = description is null ? "" : $",\"description\":{Quote(description)}";
        return $"{{\"name\":{Quote(name)}{about},\"parameters\":{parameters ?? "{\"type\":\"object\",\"properties\":{}}"}}}";
    }

    /// <summary>Calls of an earlier answer, as the model would have written them.</summary>
    public static string Calls(ToolCallForm form, IReadOnlyList<(string Name, string Arguments)> calls) => form == ToolCallForm.Json
        ? string.Join('\n', calls.Select(call => $"{{\"name\": {Quote(call.Name)}, \"parameters\": {Spaced(call.Arguments)}}}"))
        : $"[{string.Join(", ", calls.Select(call => $"{call.Name}({Keywords(call.Arguments)})"))}]";

    /// <summary>A tool's result, as a part of a user's turn.</summary>
    public static string Result(string text) => $"```tool_output\n{text}\n```";

    /// <summary>JSON without white space, and without needless escapes.</summary>
    public static string Compact(JsonElement element) => JsonSerializer.Serialize(element, Relaxed);

    /// <summary>The JSON of a string, without needless escapes.</summary>
    public static string Quote(string text) => JsonSerializer.Serialize(text, Relaxed);

    /// <summary>
    /// Arguments with a space behind commas and colons, as models write them whatever a client has made of them: so the cached prefix fits. What
    /// is no JSON, such as the arguments of an answer that was cut off, stays as it is.
    /// </summary>
    private static string Spaced(string arguments)
    {
        if (!TryParse(arguments, out var document)) return arguments.Length > 0 ? arguments : "{}";
        using (document)
        {
            var text = new StringBuilder();
            Write(text, document.RootElement, pythonic: false);
            return text.ToString();
        }
    }

    private static string Keywords(string arguments)
    {
        if (!TryParse(arguments, out var document)) return arguments;
        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object) return arguments;
            var text = new StringBuilder();
            foreach (var argument in document.RootElement.EnumerateObject())
            {
                text.Append(text.Length > 0 ? ", " : "").Append(argument.Name).Append('=');
                Write(text, argument.Value, pythonic: true);
            }

            return text.ToString();
        }
    }

    private static bool TryParse(string json, out JsonDocument document)
    {
        try
        {
            document = JsonDocument.Parse(json);
            _ = Compact(document.RootElement); // half a surrogate pair shows only now
            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            document = null!;
            return false;
        }
    }

    private static void Write(StringBuilder text, JsonElement value, bool pythonic)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                var first = true;
                foreach (var member in value.EnumerateObject())
                {
                    text.Append(first ? "" : ", ").Append(Quote(member.Name)).Append(": ");
                    Write(text, member.Value, pythonic);
                    first = false;
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                for (var i = 0; i < value.GetArrayLength(); i++)
                {
                    text.Append(i > 0 ? ", " : "");
                    Write(text, value[i], pythonic);
                }

                text.Append(']');
                break;
            case JsonValueKind.String:
                text.Append(Quote(value.GetString()!));
                break;
            default:
                var literal = value.GetRawText();
                text.Append(!pythonic ? literal : value.ValueKind switch
                {
                    JsonValueKind.True => "True",
                    JsonValueKind.False => "False",
                    JsonValueKind.Null => "None",
                    _ => literal,
                });
                break;
        }
    }
}
