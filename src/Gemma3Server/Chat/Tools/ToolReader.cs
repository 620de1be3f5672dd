using System.Text.Json;
using System.Text.RegularExpressions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat.Tools;

/// <summary>Reads the tools of a request, which of them may be called, and whether one must be.</summary>
internal sealed partial class ToolReader(ToolShape shape, ToolCallForm form, FieldChecks checks)
{
    /// <summary>OpenAI's bound.</summary>
    public const int MaxTools = 128;

    private readonly List<ToolDeclaration> _declared = [];

    /// <summary>Tools that were declared only not to be used: there is nothing to do but to see whether they could be.</summary>
    public ToolUse? Unused { get; private set; }

    /// <summary>The tools of which an answer may make use; null when there are none. Faults are added to the checks.</summary>
    /// <param name="tools">The field <c>tools</c>.</param>
    /// <param name="choice">The field <c>tool_choice</c>.</param>
    /// <param name="parallel">The field <c>parallel_tool_calls</c>.</param>
    public ToolUse? Read(JsonElement? tools, JsonElement? choice, bool? parallel)
    {
        ReadTools(tools);
        if (checks.Error is not null) return null;
        var (mode, names) = ReadChoice(choice);
        if (checks.Error is not null || _declared.Count == 0) return null;
        var use = new ToolUse
        {
            Form = form,
            Declared = _declared,
            Callable = names is null ? _declared : [.. _declared.Where(tool => names.Contains(tool.Name))],
            Required = mode == "required",
            Parallel = parallel ?? true,
        };
        if (mode != "none") return use;
        Unused = use;
        return null;
    }

    /// <summary>Whether a text can be the name of a function.</summary>
    public static bool IsName(string name) => FunctionName.IsMatch(name);

    /// <summary>What is wrong with a name.</summary>
    public static string NameFault(string param, string name) =>
        $"'{param}' must be 1 to 64 letters (a-z, A-Z), digits, underscores and hyphens, but is '{Excerpt.Of(name)}'.";

    private void ReadTools(JsonElement? tools)
    {
        if (tools is not { } list || list.IsNull()) return;
        if (list.ValueKind != JsonValueKind.Array)
        {
            checks.Add(OpenAiError.WrongType("tools", "an array", list.Describe()));
            return;
        }

        if (list.GetArrayLength() > MaxTools)
        {
            checks.Fail("tools", $"at most {MaxTools} tools", $"{list.GetArrayLength()}");
            return;
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, tool) in list.EnumerateArray().Index())
        {
            if (ReadTool(tool, $"tools[{index}]") is not { } read) return;
            _declared.Add(read);
            if (names.Add(read.Name)) continue;
            var param = shape == ToolShape.Nested ? $"tools[{index}].function.name" : $"tools[{index}].name";
            checks.Add(OpenAiError.OutOfRange(param, $"'{param}' is '{read.Name}', which an earlier tool is called already."));
            return;
        }
    }

    private ToolDeclaration? ReadTool(JsonElement tool, string name)
    {
        if (!TryFunction(tool, ref name, out var function) || !TryName(function, name, out var functionName)) return null;
        string? description = null;
        if (Field(function, "description") is { } about && !about.TryGetText(out description))
            return Fail(OpenAiError.WrongType($"{name}.description", "a string", about.Describe()));
        if (Field(function, "strict") is { ValueKind: not (JsonValueKind.True or JsonValueKind.False) } strict)
            return Fail(OpenAiError.WrongType($"{name}.strict", "a boolean", strict.Describe()));
        var param = $"{name}.parameters";
        if (Field(function, "parameters") is not { } parameters)
            return new(param, ToolFormat.Declaration(functionName, description, null), new(functionName, ""));
        if (parameters.ValueKind != JsonValueKind.Object) return Fail(OpenAiError.WrongType(param, "an object", parameters.Describe()));
        if (!ToolParameters.IsOfObjects(parameters))
        {
            return Fail(OpenAiError.Invalid(
                $"{param}.type", $"'{param}.type' must be \"object\", but is {parameters.GetProperty("type").Describe()}.", "invalid_function_parameters"));
        }

        try
        {
            return new(
                param, ToolFormat.Declaration(functionName, description, ToolParameters.Shown(parameters)), new(functionName, ToolParameters.Constraint(parameters)));
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or JsonException)
        {
            return Fail(OpenAiError.Invalid(param, $"'{param}' has a string with half a surrogate pair.", "invalid_function_parameters"));
        }
    }

    /// <summary>What <c>tool_choice</c> says: a mode, and the names it is restricted to.</summary>
    private (string Mode, HashSet<string>? Names) ReadChoice(JsonElement? choice)
    {
        const string Name = "tool_choice";
        if (choice is not { } value || value.IsNull()) return ("auto", null);
        if (value.TryGetText(out var word))
        {
            checks.Word(Name, word, ["none", "auto", "required"]);
            if (word != "none" && !(word == "auto" && shape == ToolShape.Flat)) CheckDeclared(Name);
            return (word, null);
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            checks.Add(OpenAiError.WrongType(Name, "a string or an object", value.Describe()));
            return ("auto", null);
        }

        CheckDeclared(Name);
        switch (TypeOf(value, Name))
        {
            case "function":
                return ("required", ReadReference(value, Name) is { } named ? [named] : []);
            case "allowed_tools":
                var (allowed, at) = (value, Name);
                if (shape == ToolShape.Nested && !TryObject(value, "allowed_tools", ref at, out allowed)) return ("auto", null);
                return ReadAllowed(allowed, at);
            case { } other:
                checks.Add(OpenAiError.UnsupportedValue($"{Name}.type", $"'{Name}.type' must be 'function' or 'allowed_tools' on this server, but is '{Excerpt.Of(other)}'."));
                break;
        }

        return ("auto", null);
    }

    private (string Mode, HashSet<string>? Names) ReadAllowed(JsonElement allowed, string name)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        if (Field(allowed, "mode") is not { } modeField) checks.Add(OpenAiError.Missing($"{name}.mode"));
        else if (!modeField.TryGetText(out var mode)) checks.Add(OpenAiError.WrongType($"{name}.mode", "a string", modeField.Describe()));
        else if (mode is not ("auto" or "required")) checks.Fail($"{name}.mode", "\"auto\" or \"required\"", $"'{Excerpt.Of(mode)}'");
        else if (Field(allowed, "tools") is not { } tools) checks.Add(OpenAiError.Missing($"{name}.tools"));
        else if (tools.ValueKind != JsonValueKind.Array) checks.Add(OpenAiError.WrongType($"{name}.tools", "an array", tools.Describe()));
        else if (tools.GetArrayLength() is 0 or > MaxTools) checks.Fail($"{name}.tools", $"1 to {MaxTools} tools", $"{tools.GetArrayLength()}");
        else
        {
            foreach (var (index, tool) in tools.EnumerateArray().Index())
                if (ReadReference(tool, $"{name}.tools[{index}]") is { } named) names.Add(named);
            return (mode, names);
        }

        return ("auto", names);
    }

    /// <summary>The name of a declared function that <c>{"type":"function",...}</c> refers to.</summary>
    private string? ReadReference(JsonElement reference, string name)
    {
        if (!TryFunction(reference, ref name, out var function) || !TryName(function, name, out var functionName)) return null;
        if (_declared.Any(tool => tool.Name == functionName)) return functionName;
        checks.Add(OpenAiError.OutOfRange($"{name}.name", $"'{name}.name' is '{functionName}', but 'tools' has no function of that name."));
        return null;
    }

    private void CheckDeclared(string name)
    {
        if (_declared.Count == 0) checks.Add(OpenAiError.OutOfRange(name, $"'{name}' is only allowed when 'tools' are given, unless it is \"none\"."));
    }

    /// <summary>The object that says what a function is; <paramref name="name"/> becomes its place.</summary>
    private bool TryFunction(JsonElement tool, ref string name, out JsonElement function)
    {
        function = tool;
        if (tool.ValueKind != JsonValueKind.Object)
        {
            checks.Add(OpenAiError.WrongType(name, "an object", tool.Describe()));
            return false;
        }

        if (TypeOf(tool, name) is not { } type) return false;
        if (type == "function") return shape == ToolShape.Flat || TryObject(tool, "function", ref name, out function);
        checks.Add(OpenAiError.UnsupportedValue($"{name}.type", $"'{name}.type' must be 'function' on this server, but is '{Excerpt.Of(type)}'."));
        return false;
    }

    private string? TypeOf(JsonElement value, string name)
    {
        if (Field(value, "type") is not { } type) checks.Add(OpenAiError.Missing($"{name}.type"));
        else if (type.TryGetText(out var text)) return text;
        else checks.Add(OpenAiError.WrongType($"{name}.type", "a string", type.Describe()));
        return null;
    }

    private bool TryObject(JsonElement parent, string field, ref string name, out JsonElement value)
    {
        name = $"{name}.{field}";
        value = default;
        if (Field(parent, field) is not { } found) checks.Add(OpenAiError.Missing(name));
        else if (found.ValueKind != JsonValueKind.Object) checks.Add(OpenAiError.WrongType(name, "an object", found.Describe()));
        else
        {
            value = found;
            return true;
        }

        return false;
    }

    private bool TryName(JsonElement function, string name, out string functionName)
    {
        functionName = "";
        if (Field(function, "name") is not { } field) checks.Add(OpenAiError.Missing($"{name}.name"));
        else if (!field.TryGetText(out var text)) checks.Add(OpenAiError.WrongType($"{name}.name", "a string", field.Describe()));
        else if (!IsName(text)) checks.Add(OpenAiError.OutOfRange($"{name}.name", NameFault($"{name}.name", text)));
        else
        {
            functionName = text;
            return true;
        }

        return false;
    }

    private ToolDeclaration? Fail(OpenAiError error)
    {
        checks.Add(error);
        return null;
    }

    private static JsonElement? Field(JsonElement value, string name) =>
        value.TryGetProperty(name, out var field) && !field.IsNull() ? field : null;

    [GeneratedRegex("^[a-zA-Z0-9_-]{1,64}\\z")]
    private static partial Regex FunctionName { get; }
}
