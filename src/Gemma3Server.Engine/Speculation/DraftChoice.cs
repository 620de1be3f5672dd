namespace Gemma3Server.Engine.Speculation;

/// <summary>One way to draft for a step.</summary>
/// <param name="Length">Tokens of each draft at most; 0 = nothing is drafted.</param>
/// <param name="Entries">For how many entries, those first of which most is expected.</param>
/// <param name="Level">Whether all decoding entries get as many rows as a draft has tokens, those of no hope among them.</param>
/// <param name="Apart">Whether the drafts take a pass of their own.</param>
/// <param name="Rate">Tokens a second that are expected.</param>
/// <param name="Loss">Steps that are expected to be lost; below 0 = gained.</param>
internal readonly record struct DraftChoice(int Length, int Entries, bool Level, bool Apart, double Rate, double Loss);
