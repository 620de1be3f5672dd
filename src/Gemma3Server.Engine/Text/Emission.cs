using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine.Text;

/// <summary>What the engine loop posts for the reader of a generation: a token, or an event that is no text. Posting it allocates nothing.</summary>
/// <param name="Token">The token; without meaning beside an event.</param>
/// <param name="IsLast">Whether the token ended the generation: its text goes out with what was held back, once the end has been posted too.</param>
/// <param name="LogProbs">Of the token, where they are to be reported.</param>
/// <param name="Event">The event; <see langword="null"/> = a token.</param>
internal readonly record struct Emission(int Token, bool IsLast, TokenLogProbs? LogProbs, GenerationEvent? Event);
