// Draws the points with WebGL 2: one call for all of them, in the order given.

const MOST_COLOURS = 34;

const VERTEX = `#version 300 es
in vec2 place;
in uint kind;
in uint state;
uniform vec2 middle;
uniform vec2 scale;
uniform float size;
uniform float dimmed;
uniform vec4 colours[${MOST_COLOURS}];
uniform uint shapes[${MOST_COLOURS}];
out vec4 colour;
out float edge;
flat out uint ring;
flat out uint shape;
void main() {
  bool isLit = (state & ${LIT}u) != 0u;
  bool isChosen = (state & ${CHOSEN}u) != 0u;
  bool isPointed = (state & ${POINTED}u) != 0u;
  float larger = isPointed ? 2.1 : isChosen ? 1.55 : isLit ? 1.45 : 1.0;
  colour = colours[kind];
  if (!isLit && !isChosen && !isPointed) colour.a *= dimmed;
  gl_Position = vec4((place - middle) * scale, 0.0, 1.0);
  gl_PointSize = size * larger + 1.0;
  edge = gl_PointSize;
  shape = shapes[kind];
  ring = isPointed ? 2u : isChosen ? 1u : (isLit && dimmed < 1.0) ? 3u : 0u;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour;
in float edge;
flat in uint ring;
flat in uint shape;
uniform vec3 ink;
uniform vec3 accent;
out vec4 drawn;
// How far a place is from the middle of a shape that reaches to 1: circle, square, triangle, diamond.
float reach(vec2 p) {
  if (shape == 1u) return max(abs(p.x), abs(p.y)) * 1.16;
  if (shape == 2u) return max(abs(p.x) * 0.92 - p.y * 0.53, p.y * 1.06) * 1.06 + 0.1;
  if (shape == 3u) return (abs(p.x) + abs(p.y)) * 0.96;
  return length(p);
}
void main() {
  float radius = edge / 2.0;
  float distance = reach(gl_PointCoord * 2.0 - 1.0) * radius;
  float cover = clamp(radius - distance, 0.0, 1.0);
  float width = max(1.4, radius * 0.24);
  float isRing = ring == 0u ? 0.0 : clamp(distance - (radius - width) + 0.5, 0.0, 1.0);
  vec3 outer = ring == 3u ? accent : ink;
  float alpha = cover * mix(colour.a, 1.0, isRing);
  drawn = vec4(mix(colour.rgb, outer, isRing) * alpha, alpha);
}`;

class Renderer {
  // Throws when the browser has no WebGL 2.
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, stencil: false, premultipliedAlpha: true });
    if (!gl) throw new Error("no WebGL 2");
    this.canvas = canvas;
    this.gl = gl;
    this.build();
  }

  build() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program) || "no program");
    gl.useProgram(program);
    this.program = program;
    const names = ["middle", "scale", "size", "dimmed", "ink", "accent", "colours", "shapes"];
    this.uniforms = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)]));
    this.buffers = { place: gl.createBuffer(), kind: gl.createBuffer(), state: gl.createBuffer(), order: gl.createBuffer() };
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.count = 0;
  }

  attribute(name, values, size, type, isInteger) {
    const { gl } = this;
    const location = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(location);
    if (isInteger) gl.vertexAttribIPointer(location, size, type, 0, 0);
    else gl.vertexAttribPointer(location, size, type, true, 0, 0);
  }

  setPoints(points) {
    this.attribute("place", points.at, 2, this.gl.UNSIGNED_SHORT, false);
    this.setClasses(points);
  }

  setClasses(points) {
    this.attribute("kind", points.classes, 1, this.gl.UNSIGNED_BYTE, true);
    this.setState(points);
  }

  setState(points) {
    this.attribute("state", points.state, 1, this.gl.UNSIGNED_BYTE, true);
  }

  // One place more than points: for the one that is pointed at, over all others.
  setOrder(order) {
    const { gl } = this;
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, 4 * (order.length + 1), gl.DYNAMIC_DRAW);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, order);
    this.count = order.length;
  }

  setPointed(points, point, before) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers.state);
    for (const one of [before, point]) if (one >= 0) gl.bufferSubData(gl.ARRAY_BUFFER, one, points.state, one, 1);
    if (point >= 0) gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 4 * this.count, Uint32Array.of(point));
    this.isPointing = point >= 0;
  }

  // Colours are [red, green, blue, alpha] from 0 to 1, one a class.
  draw(camera, { colours, shapes, size, dimmed, ink, accent }) {
    const { gl, canvas, uniforms } = this;
    const ratio = devicePixelRatio || 1;
    const width = Math.round(camera.width * ratio);
    const height = Math.round(camera.height * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.count) return;
    gl.uniform2f(uniforms.middle, camera.x, camera.y);
    gl.uniform2f(uniforms.scale, (2 * camera.scale) / camera.width, (2 * camera.scale) / camera.height);
    gl.uniform1f(uniforms.size, size * ratio);
    gl.uniform1f(uniforms.dimmed, dimmed);
    gl.uniform3fv(uniforms.ink, ink);
    gl.uniform3fv(uniforms.accent, accent);
    gl.uniform1uiv(uniforms.shapes, shapes);
    gl.uniform4fv(uniforms.colours, colours);
    gl.drawElements(gl.POINTS, this.count + (this.isPointing ? 1 : 0), gl.UNSIGNED_INT, 0);
  }
}
