using System.Text.Json;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>What the model goes on from.</summary>
public sealed class ChatPromptEndingTests
{
    private const string User = """{"role":"user","content":"Hi"}""";
    private const string Assistant = """{"role":"assistant","content":" The sky "}""";

    [Theory]
    [InlineData(User, "", "<105>user\nHi<106>\n<105>model\n")]
    [InlineData(User, ",\"add_generation_prompt\":false", "<105>user\nHi<106>\n")]
    [InlineData(User + "," + Assistant, ",\"continue_final_message\":true", "<105>user\nHi<106>\n<105>model\nThe sky")]
    [InlineData(User + "," + Assistant + "," + Assistant, ",\"continue_final_message\":true", "<105>user\nHi<106>\n<105>model\nThe sky\n\nThe sky")]
    [InlineData(User + "," + Assistant, ",\"continue_final_message\":true,\"add_generation_prompt\":false", "<105>user\nHi<106>\n<105>model\nThe sky")]
    [InlineData(User + "," + Assistant, ",\"add_generation_prompt\":false", "<105>user\nHi<106>\n<105>model\nThe sky<106>\n")]
    public async Task Post_Messages_MakeThePrompt(string messages, string fields, string prompt)
    {
        List<int> held = [];
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions
        {
            Next = tokens =>
            {
                held = [.. tokens];
                return FakeTokenizer.EndOfTurn;
            },
        });
        using var response = await server.PostAsync($$"""{"messages":[{{messages}}]{{fields}}}""");
        Assert.Equal("", Assert.Single(await ChatBodies.WholeAsync(response)).Text);
        var text = string.Concat(held.Skip(1).Select(t => t >= FakeTokenizer.FirstByte ? $"{(char)(t - FakeTokenizer.FirstByte)}" : $"<{t}>"));
        Assert.Equal(prompt, text);
    }

    [Fact]
    public async Task Post_Continuation_OnlyTheNewTextComesBack()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { Next = Spell(" is blue") });
        using var response = await server.PostAsync($$"""{"messages":[{{User}},{{Assistant}}],"continue_final_message":true}""");
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        Assert.Equal(" is blue", body.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());

        static Func<IReadOnlyList<int>, int?> Spell(string text)
        {
            var prompt = 1 + "-user\nHi-\n-model\nThe sky".Length;
            return held => held.Count - prompt < text.Length ? FakeTokenizer.FirstByte + text[held.Count - prompt] : FakeTokenizer.EndOfTurn;
        }
    }
}
