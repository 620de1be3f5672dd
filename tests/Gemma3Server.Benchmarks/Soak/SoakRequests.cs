using System.Text.Json.Nodes;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Runtime;

namespace Gemma3Server.Benchmarks.Soak;

/// <summary>The random requests of one user; the same seed gives the same ones.</summary>
internal sealed class SoakRequests(int seed, ITokenizer tokenizer, int contextLength)
{
    /// <summary>System texts that all users share, so that prefixes are shared too.</summary>
    private const int SharedSystems = 3;

    private const int SystemTokens = 120;

    private readonly Random _random = new(seed);
    private readonly BenchPrompts _prompts = new(seed);
    private JsonArray _conversation = [];
    private int _conversationTokens;

    /// <summary>What comes next.</summary>
    public SoakKind NextKind() => _random.Next(100) switch
    {
        < 30 => SoakKind.Turn,
        < 60 => SoakKind.Stream,
        < 68 => SoakKind.LongPrompt,
        < 90 => SoakKind.Cancelled,
        _ => SoakKind.Invalid,
    };

    /// <summary>How many pieces of text a client reads before it leaves.</summary>
    public int Patience() => _random.Next(6);

    /// <summary>A short question.</summary>
    public JsonObject Short() => Body([System(), User(_random.Next(4, 80))], _random.Next(1, 64));

    /// <summary>A prompt of a third to three quarters of the context.</summary>
    public JsonObject Long() => Body([User(_random.Next(contextLength / 3, contextLength * 3 / 4))], _random.Next(1, 32));

    /// <summary>The user's conversation with a message more; a new one when the old one takes half of the context.</summary>
    public JsonObject Turn()
    {
        if (_conversationTokens > contextLength / 2 || _conversation.Count == 0) (_conversation, _conversationTokens) = ([System()], SystemTokens);
        var length = _random.Next(4, 60);
        _conversation.Add(User(length));
        var body = Body((JsonArray)_conversation.DeepClone(), _random.Next(1, 48));
        _conversationTokens += length + body["max_tokens"]!.GetValue<int>() + 16;
        return body;
    }

    /// <summary>Takes the answer into the conversation, without the NUL that random weights may say and messages must not hold.</summary>
    public void Answered(string text) =>
        _conversation.Add(new JsonObject { ["role"] = "assistant", ["content"] = string.IsNullOrWhiteSpace(text) ? "..." : text.Replace('\0', ' ') });

    /// <summary>A body that must be refused with 400.</summary>
    public string Invalid()
    {
        var body = Short();
        switch (_random.Next(7))
        {
            case 0:
                return body.ToJsonString()[..^3];
            case 1:
                body.Remove("messages");
                break;
            case 2:
                body["messages"] = new JsonArray();
                break;
            case 3:
                body["temperature"] = 9;
                break;
            case 4:
                body["max_tokens"] = -1;
                break;
            case 5:
                body["messages"]![0]!["role"] = "nobody";
                break;
            default:
                body["messages"] = new JsonArray(User(contextLength + 1));
                break;
        }

        return body.ToJsonString();
    }

    private JsonObject Body(JsonArray messages, int tokens)
    {
        var body = new JsonObject { ["messages"] = messages, ["max_tokens"] = tokens, ["ignore_eos"] = true };
        switch (_random.Next(4))
        {
            case 0:
                body["temperature"] = 0;
                break;
            case 1:
                body["seed"] = _random.Next();
                break;
            case 2:
                body["top_k"] = 0;
                body["top_p"] = 0.9;
                break;
            default:
                body["presence_penalty"] = 0.5;
                body["frequency_penalty"] = 0.2;
                break;
        }

        return body;
    }

    private JsonObject System() =>
        new() { ["role"] = "system", ["content"] = new BenchPrompts(_random.Next(SharedSystems)).Next(SystemTokens, tokenizer) };

    private JsonObject User(int tokens) => new() { ["role"] = "user", ["content"] = _prompts.Next(tokens, tokenizer) };
}
