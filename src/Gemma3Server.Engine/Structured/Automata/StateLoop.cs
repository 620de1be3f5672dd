namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Characters that a state and those behind it do not tell apart: any of them leads from one to the next.</summary>
/// <param name="Groups">Their <see cref="ByteGroups"/>.</param>
/// <param name="Dead">Groups of which none may follow any of these states.</param>
/// <param name="Characters">How many of them may follow each other.</param>
/// <param name="Ends">Whether no further one may follow; otherwise that is not known.</param>
internal readonly record struct StateLoop(GroupSet Groups, GroupSet Dead, int Characters, bool Ends);
