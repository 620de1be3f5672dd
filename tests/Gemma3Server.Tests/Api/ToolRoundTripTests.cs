using System.ClientModel;
using System.ComponentModel;
using System.Text.Json;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;

namespace Gemma3Server.Tests.Api;

/// <summary>Ask, call, result, answer: with the official client by hand, and with Microsoft.Extensions.AI, which calls the functions itself.</summary>
public sealed class ToolRoundTripTests
{
    private static readonly BinaryData Parameters =
        BinaryData.FromString("""{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}""");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OpenAiSdk_Whole_CallsTwiceAndAnswers()
    {
        await using var server = await TestServer.StartAsync(Scripted());
        List<OpenAI.Chat.ChatMessage> messages = [new SystemChatMessage("Be brief."), new UserChatMessage("Rome and Oslo?")];
        ChatCompletion first = await Client(server).CompleteChatAsync(messages, Options(), Cancellation);
        Assert.Equal(OpenAI.Chat.ChatFinishReason.ToolCalls, first.FinishReason);
        Assert.Equal(["Rome", "Oslo"], first.ToolCalls.Select(call => City(call.FunctionArguments)));
        messages.Add(new AssistantChatMessage(first));
        messages.AddRange(first.ToolCalls.Select(call => new ToolChatMessage(call.Id, $"warm in {City(call.FunctionArguments)}")));

        ChatCompletion second = await Client(server).CompleteChatAsync(messages, Options(), Cancellation);
        Assert.Equal((OpenAI.Chat.ChatFinishReason.Stop, "warm in Rome, warm in Oslo"), (second.FinishReason, second.Content[0].Text));
    }

    [Fact]
    public async Task OpenAiSdk_Streamed_CallsTwiceAndAnswers()
    {
        await using var server = await TestServer.StartAsync(Scripted());
        List<OpenAI.Chat.ChatMessage> messages = [new UserChatMessage("Rome and Oslo?")];
        SortedDictionary<int, (string Id, string Name, string Arguments)> calls = [];
        OpenAI.Chat.ChatFinishReason? reason = null;
        await foreach (var update in Client(server).CompleteChatStreamingAsync(messages, Options(), Cancellation))
        {
            foreach (var part in update.ToolCallUpdates)
            {
                calls.TryAdd(part.Index, (part.ToolCallId, part.FunctionName, ""));
                var text = part.FunctionArgumentsUpdate.ToMemory().IsEmpty ? "" : part.FunctionArgumentsUpdate.ToString();
                calls[part.Index] = calls[part.Index] with { Arguments = calls[part.Index].Arguments + text };
            }

            reason = update.FinishReason ?? reason;
        }

        Assert.Equal(OpenAI.Chat.ChatFinishReason.ToolCalls, reason);
        Assert.Equal(["get_weather", "get_weather"], calls.Values.Select(call => call.Name));
        messages.Add(new AssistantChatMessage(calls.Values.Select(call => ChatToolCall.CreateFunctionToolCall(call.Id, call.Name, BinaryData.FromString(call.Arguments)))));
        messages.AddRange(calls.Values.Reverse().Select(call => new ToolChatMessage(call.Id, $"warm in {City(BinaryData.FromString(call.Arguments))}")));
        ChatCompletion second = await Client(server).CompleteChatAsync(messages, Options(), Cancellation);
        Assert.Equal("warm in Rome, warm in Oslo", second.Content[0].Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ExtensionsAi_FunctionInvocation_RunsTheLoopByItself(bool stream)
    {
        await using var server = await TestServer.StartAsync(Scripted());
        List<string> called = [];
        var weather = AIFunctionFactory.Create(
            ([Description("Where")] string city) =>
            {
                called.Add(city);
                return $"warm in {city}";
            }, "get_weather", "Weather of a city");
        using var client = Client(server).AsIChatClient().AsBuilder().UseFunctionInvocation().Build();
        ChatOptions options = new() { Tools = [weather], AllowMultipleToolCalls = true };
        var response = stream
            ? await client.GetStreamingResponseAsync("Rome and Oslo?", options, Cancellation).ToChatResponseAsync(Cancellation)
            : await client.GetResponseAsync("Rome and Oslo?", options, Cancellation);
        Assert.Equal(["Rome", "Oslo"], called);
        Assert.Equal("\"warm in Rome\", \"warm in Oslo\"", response.Messages[^1].Text);
    }

    [Fact]
    public async Task SecondTurn_PrefixOfDeclarationsAndCall_IsReused()
    {
        await using var server = await TestServer.StartAsync(Scripted());
        List<OpenAI.Chat.ChatMessage> messages = [new UserChatMessage("Rome and Oslo?")];
        ChatCompletion first = await Client(server).CompleteChatAsync(messages, Options(), Cancellation);
        messages.Add(new AssistantChatMessage(first));
        messages.AddRange(first.ToolCalls.Select(call => new ToolChatMessage(call.Id, "x")));
        ChatCompletion second = await Client(server).CompleteChatAsync(messages, Options(), Cancellation);

        // All that was computed for the calls is the beginning of the second prompt.
        Assert.Equal(first.Usage.TotalTokenCount - 1, second.Usage.InputTokenDetails.CachedTokenCount);
    }

    /// <summary>Calls for each city of the question; when results are there, repeats what they say.</summary>
    private static FakeRuntimeOptions Scripted() => new()
    {
        Next = held =>
        {
            var text = string.Concat(held.Select(t => t >= FakeTokenizer.FirstByte ? $"{(char)(t - FakeTokenizer.FirstByte)}" : $"\u0001{t}\u0002"));
            const string Fence = "```tool_output\n";
            var results = text.Split(Fence).Skip(1).Select(part => part[..part.IndexOf("\n```", StringComparison.Ordinal)]).ToArray();
            var reply = results.Length > 0
                ? string.Join(", ", results)
                : string.Join('\n', "Rome Oslo".Split(' ').Select(city => $$$"""{"name": "get_weather", "parameters": {"city": "{{{city}}}"}}"""));
            return ScriptedReply.Of(reply)(held);
        },
    };

    private static ChatCompletionOptions Options() => new()
    {
        Tools = { ChatTool.CreateFunctionTool("get_weather", "Weather of a city", Parameters, functionSchemaIsStrict: true) },
        ToolChoice = ChatToolChoice.CreateAutoChoice(),
        AllowParallelToolCalls = true,
    };

    private static string City(BinaryData arguments)
    {
        using var json = JsonDocument.Parse(arguments);
        return json.RootElement.GetProperty("city").GetString()!;
    }

    private static ChatClient Client(TestServer server) => new(
        TestServer.ModelId, new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new Uri(server.Client.BaseAddress!, "v1") });
}
