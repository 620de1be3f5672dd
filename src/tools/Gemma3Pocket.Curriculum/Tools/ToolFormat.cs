namespace Gemma3Pocket.Curriculum;

/// <summary>
/// Tools in Gemma's prompt, in the JSON form that Google documents: instructions and declarations before the first question, the call as the
/// whole answer, the result as a user's turn. The server is to render the same text once its API takes tools.
/// </summary>
public static class ToolFormat
{
    private const string Instructions =
        "You have access to functions. If you decide to invoke any of the function(s),\n you MUST put it in the format of\n"
        + "{\"name\": function name, \"parameters\": dictionary of argument name and its value}\n\n"
        + "You SHOULD NOT include any other text in the response if you call a function\n";

    /// <summary>The first user turn.</summary>
    /// <param name="declarations">A compact JSON array of declarations.</param>
    /// <param name="question">What the user says.</param>
    public static string FirstTurn(string declarations, string question) => Instructions + declarations + "\n\n" + question;

    /// <summary>A declaration as compact JSON; all parameters are required.</summary>
    /// <param name="name">The function's name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="parameters">Names and JSON types of its parameters.</param>
    public static string Declaration(string name, string description, IEnumerable<(string Name, string Type)> parameters)
    {
        var list = parameters.ToArray();
        var properties = string.Join(',', list.Select(p => $"\"{p.Name}\":{{\"type\":\"{p.Type}\"}}"));
        var required = string.Join(',', list.Select(p => $"\"{p.Name}\""));
        return $"{{\"name\":\"{name}\",\"description\":\"{description}\",\"parameters\":"
            + $"{{\"type\":\"object\",\"properties\":{{{properties}}},\"required\":[{required}]}}}}";
    }

    /// <summary>A call as the model writes it.</summary>
    /// <param name="name">The function's name.</param>
    /// <param name="arguments">Names of the arguments and their values as JSON literals.</param>
    public static string Call(string name, IEnumerable<(string Name, string Literal)> arguments) =>
        $"{{\"name\": \"{name}\", \"parameters\": {{{string.Join(", ", arguments.Select(a => $"\"{a.Name}\": {a.Literal}"))}}}}}";

    /// <summary>The user turn that brings a result.</summary>
    /// <param name="json">What the tool gave back.</param>
    public static string Result(string json) => $"```tool_output\n{json}\n```";
}
