using System.Text.Json;

namespace Gemma3Server.Tests.Support;

/// <summary>The published template and the real tokenizer.</summary>
public sealed class NodeReference() : NodeProcess(Repository.Reference, "reference.mjs")
{
    public int[] Tokens(string question, string text) => Ask(new() { [question] = text })["ids"].Deserialize<int[]>()!;
}
