using System.Net;
using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>Tools that cannot be used, and histories that cannot be.</summary>
public sealed class ChatToolErrorTests(ChatToolErrorTests.Fixture fixture) : IClassFixture<ChatToolErrorTests.Fixture>
{
    private const string NotUsable =
        """{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}}}}""";

    private const string User = """{"role":"user","content":"Hi"}""";
    private const string Calls = """{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":"{}"}}]}""";

    [Theory]
    [InlineData("{}", "tools", "invalid_type", "expected an array, but got an object")]
    [InlineData("[5]", "tools[0]", "invalid_type", "expected an object, but got 5")]
    [InlineData("[{}]", "tools[0].type", "missing_required_parameter", "tools[0].type")]
    [InlineData("""[{"type":"custom","custom":{"name":"f"}}]""", "tools[0].type", "unsupported_value", "must be 'function' on this server, but is 'custom'")]
    [InlineData("""[{"type":"function"}]""", "tools[0].function", "missing_required_parameter", "tools[0].function")]
    [InlineData("""[{"type":"function","function":{}}]""", "tools[0].function.name", "missing_required_parameter", "name")]
    [InlineData("""[{"type":"function","function":{"name":5}}]""", "tools[0].function.name", "invalid_type", "expected a string, but got 5")]
    [InlineData("""[{"type":"function","function":{"name":""}}]""", "tools[0].function.name", "invalid_value", "1 to 64 letters")]
    [InlineData("""[{"type":"function","function":{"name":"a b"}}]""", "tools[0].function.name", "invalid_value", "underscores and hyphens, but is 'a b'")]
    [InlineData("""[{"type":"function","function":{"name":"a\n"}}]""", "tools[0].function.name", "invalid_value", "1 to 64 letters")]
    [InlineData("""[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]""", "tools[1].function.name", "invalid_value", "'f', which an earlier tool is called already")]
    [InlineData("""[{"type":"function","function":{"name":"f","description":1}}]""", "tools[0].function.description", "invalid_type", "expected a string, but got 1")]
    [InlineData("""[{"type":"function","function":{"name":"f","strict":"yes"}}]""", "tools[0].function.strict", "invalid_type", "expected a boolean")]
    [InlineData("""[{"type":"function","function":{"name":"f","parameters":[]}}]""", "tools[0].function.parameters", "invalid_type", "expected an object, but got an array")]
    [InlineData("""[{"type":"function","function":{"name":"f","parameters":{"type":"string"}}}]""", "tools[0].function.parameters.type", "invalid_function_parameters", "must be \"object\", but is \"string\"")]
    [InlineData("""[{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"description":"\ud800"}}}}}]""", "tools[0].function.parameters", "invalid_function_parameters", "half a surrogate pair")]
    [InlineData("""[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{"a":{"type":"number","multipleOf":2}}}}}]""",
        "tools[1].function.parameters", "invalid_function_parameters", "cannot be used at '/properties/a/multipleOf': 'multipleOf' is not supported")]
    [InlineData("""[{"type":"function","function":{"name":"f","parameters":{"$ref":"#/$defs/x"}}}]""",
        "tools[0].function.parameters", "invalid_function_parameters", "at '/$ref': The reference '#/$defs/x' leads nowhere")]
    public async Task Post_BadTools_Is400WithParamAndCode(string tools, string param, string code, string message) =>
        await AssertErrorAsync($$"""{"messages":[{{User}}],"tools":{{tools}}}""", param, code, message);

    [Theory]
    [InlineData("\"maybe\"", "tool_choice", "invalid_value", "\"none\", \"auto\" or \"required\", but is 'maybe'")]
    [InlineData("5", "tool_choice", "invalid_type", "expected a string or an object, but got 5")]
    [InlineData("{}", "tool_choice.type", "missing_required_parameter", "tool_choice.type")]
    [InlineData("""{"type":"custom"}""", "tool_choice.type", "unsupported_value", "'custom'")]
    [InlineData("""{"type":"function"}""", "tool_choice.function", "missing_required_parameter", "tool_choice.function")]
    [InlineData("""{"type":"function","function":{"name":"get_tim"}}""", "tool_choice.function.name", "invalid_value", "'get_tim', but 'tools' has no function of that name")]
    [InlineData("""{"type":"allowed_tools"}""", "tool_choice.allowed_tools", "missing_required_parameter", "allowed_tools")]
    [InlineData("""{"type":"allowed_tools","allowed_tools":{"mode":"none","tools":[]}}""", "tool_choice.allowed_tools.mode", "invalid_value", "\"auto\" or \"required\", but is 'none'")]
    [InlineData("""{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}""", "tool_choice.allowed_tools.tools", "invalid_value", "1 to 128 tools, but is 0")]
    [InlineData("""{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"x"}}]}}""", "tool_choice.allowed_tools.tools[0].function.name", "invalid_value", "'x'")]
    public async Task Post_BadChoice_Is400WithParamAndCode(string choice, string param, string code, string message) =>
        await AssertErrorAsync($$"""{"messages":[{{User}}],{{ChatTools.Both()}},"tool_choice":{{choice}}}""", param, code, message);

    [Theory]
    [InlineData("\"none\"")]
    [InlineData("""{"type":"function","function":{"name":"get_time"}}""")]
    [InlineData("""{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"get_time"}}]}}""")]
    public async Task Post_SchemaThatCannotBeUsed_Is400AlsoWhereTheToolMayNotBeCalled(string choice) => await AssertErrorAsync(
        $$"""{"messages":[{{User}}],"tools":[{{ChatTools.Clock}},{{NotUsable}}],"tool_choice":{{choice}}}""",
        "tools[1].function.parameters", "invalid_function_parameters", "'/properties/a/uniqueItems'");

    [Theory]
    [InlineData("\"tool_choice\":\"required\"", "tool_choice", "invalid_value", "only allowed when 'tools' are given")]
    [InlineData("\"tools\":[],\"tool_choice\":\"auto\"", "tool_choice", "invalid_value", "only allowed when 'tools' are given")]
    [InlineData("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", "tool_choice", "invalid_value", "only allowed when 'tools' are given")]
    public async Task Post_ChoiceWithoutTools_Is400(string fields, string param, string code, string message) =>
        await AssertErrorAsync($$"""{"messages":[{{User}}],{{fields}}}""", param, code, message);

    [Theory]
    [InlineData("""{"role":"tool","tool_call_id":"a","content":"x"}""", "messages[1].tool_call_id", "invalid_value", "'a', but there are no calls before it")]
    [InlineData(Calls, "messages[1].tool_calls", "invalid_value", "the result of 'a' is missing")]
    [InlineData(Calls + "," + User, "messages[1].tool_calls", "invalid_value", "the result of 'a' is missing")]
    [InlineData(Calls + """,{"role":"tool","tool_call_id":"a","content":"x"},{"role":"user","content":"x"}""", "messages[1].tool_calls", "invalid_value", "the result of 'b' is missing")]
    [InlineData(Calls + """,{"role":"tool","tool_call_id":"c","content":"x"}""", "messages[2].tool_call_id", "invalid_value", "'c', but the calls before it have no such id")]
    [InlineData(Calls + """,{"role":"tool","tool_call_id":"a","content":"x"},{"role":"tool","tool_call_id":"a","content":"x"}""", "messages[3].tool_call_id", "invalid_value", "that call has a result already")]
    [InlineData("""{"role":"assistant","tool_calls":{}}""", "messages[1].tool_calls", "invalid_type", "expected an array, but got an object")]
    [InlineData("""{"role":"assistant","tool_calls":[5]}""", "messages[1].tool_calls[0]", "invalid_type", "expected an object, but got 5")]
    [InlineData("""{"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]}""", "messages[1].tool_calls[0].type", "unsupported_value", "'custom'")]
    [InlineData("""{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f"}}]}""", "messages[1].tool_calls[0].function.arguments", "missing_required_parameter", "arguments")]
    [InlineData("""{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f g","arguments":"{}"}}]}""", "messages[1].tool_calls[0].function.name", "invalid_value", "'f g'")]
    [InlineData("""{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{}}}]}""", "messages[1].tool_calls[0].function.arguments", "invalid_type", "expected a string, but got an object")]
    [InlineData("""{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"a","function":{"name":"f","arguments":"{}"}}]}""", "messages[1].tool_calls[1].id", "invalid_value", "'a', which an earlier call has already")]
    [InlineData("""{"role":"assistant","content":"x","function_call":{"name":"f","arguments":"{}"}}""", "messages[1].function_call", "unsupported_parameter", "was replaced by 'tool_calls'")]
    [InlineData("""{"role":"user","content":"x","tool_calls":[{}]}""", "messages[1].tool_calls", "unsupported_parameter", "only allowed in a message with the role 'assistant'")]
    [InlineData("""{"role":"user","content":"x","tool_call_id":"a"}""", "messages[1].tool_call_id", "unsupported_parameter", "only allowed in a message with the role 'tool'")]
    public async Task Post_BadHistory_Is400WithParamAndCode(string messages, string param, string code, string message) =>
        await AssertErrorAsync($$"""{"messages":[{{User}},{{messages}}]}""", param, code, message);

    [Fact]
    public async Task Post_TooManyTools_NamesTheBound()
    {
        var tools = string.Join(',', Enumerable.Range(0, 129).Select(i => $$$"""{"type":"function","function":{"name":"f{{{i}}}"}}"""));
        await AssertErrorAsync($$"""{"messages":[{{User}}],"tools":[{{tools}}]}""", "tools", "invalid_value", "at most 128 tools, but is 129");
    }

    private async Task AssertErrorAsync(string body, string param, string code, string message)
    {
        using var response = await fixture.Server.PostAsync(body);
        using var error = JsonDocument.Parse(await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest));
        var details = error.RootElement.GetProperty("error");
        Assert.Equal((param, code), (details.GetProperty("param").GetString(), details.GetProperty("code").GetString()));
        Assert.Contains(message, details.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    public sealed class Fixture : IAsyncLifetime
    {
        internal TestServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await TestServer.StartAsync("ok");

        public async ValueTask DisposeAsync()
        {
            if (Server is not null) await Server.DisposeAsync();
        }
    }
}
