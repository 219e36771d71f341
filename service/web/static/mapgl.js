// The dots of the map, by WebGL 2. plotly's scattergl is not used here: it compiles code at run time, which the site's
// content policy forbids, and its lasso took 6 s on 100,000 points where ours takes milliseconds (docs/decisions/0007).

import { EYE, pxPerUnit } from "./mapcamera.js";

const VERTEX = `#version 300 es
precision highp float;
in vec3 place; in uint value; in uint picked;
uniform vec4 turn; uniform vec2 middle; uniform float unit; uniform vec2 size; uniform float dot; uniform bool choosing; uniform sampler2D colours;
flat out vec4 colour; flat out float shape;
void main() {
  vec4 told = texelFetch(colours, ivec2(int(value) % 256, int(value) / 256), 0);
  int kind = int(told.a * 255.0 + 0.5);
  float z = place.z * turn.x - place.x * turn.y;
  float deep = place.y * turn.w + z * turn.z;
  float near = ${EYE}.0 / (${EYE}.0 - deep);
  vec2 at = (vec2(place.x * turn.x + place.z * turn.y, place.y * turn.z - z * turn.w) * near - middle) * unit;
  gl_Position = kind == 0 || isnan(place.x) ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(at / size * vec2(2.0, -2.0), -deep / 4.0, 1.0);
  bool faint = choosing && picked == 0u;
  gl_PointSize = dot * near * (choosing && picked == 1u ? 1.25 : 1.0);
  colour = vec4(told.rgb, faint ? (dot < 3.5 ? 0.06 : 0.16) : 0.88);
  shape = float(kind - 1);
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
flat in vec4 colour; flat in float shape; uniform bool solid; out vec4 shown;
void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  float off = shape < 0.5 ? length(p) - 0.92 : shape < 1.5 ? max(abs(p.x), abs(p.y)) - 0.8
    : shape < 2.5 ? abs(p.x) + abs(p.y) - 1.0 : max(abs(p.x) * 0.87 - p.y * 0.5, p.y) - 0.5;
  float cover = 1.0 - smoothstep(-fwidth(off), fwidth(off) * 0.5, off);
  if (cover < 0.1 || (solid && colour.a > 0.5 && cover < 0.5)) discard;
  shown = vec4(colour.rgb, 1.0) * (colour.a * cover);
}`;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} places N × 3
 * @param {boolean} deep three dimensions: nearer dots hide farther ones
 * @throws {Error} where the browser has no WebGL 2
 */
export function createDots(canvas, places, deep) {
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true });
  if (!gl) throw new Error("This browser cannot draw the map: it has no WebGL 2, or it is switched off.");
  const pages = places.length / 3;
  const program = link(gl);
  const at = (name) => gl.getUniformLocation(program, name);
  const uniforms = Object.fromEntries(["turn", "middle", "unit", "size", "dot", "choosing", "solid"].map((name) => [name, at(name)]));
  gl.useProgram(program);
  feed(gl, program, "place", places, (where) => gl.vertexAttribPointer(where, 3, gl.FLOAT, false, 0, 0));
  const fillValues = feed(gl, program, "value", new Uint16Array(pages), (where) => gl.vertexAttribIPointer(where, 1, gl.UNSIGNED_SHORT, 0, 0));
  const fillPicked = feed(gl, program, "picked", new Uint8Array(pages), (where) => gl.vertexAttribIPointer(where, 1, gl.UNSIGNED_BYTE, 0, 0));
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  if (deep) gl.enable(gl.DEPTH_TEST);
  let choosing = false;

  return {
    /** @param {Uint16Array} values */
    setValues: fillValues,
    /** @param {Uint8Array|null} picked */
    setPicked(picked) {
      choosing = picked !== null;
      if (picked) fillPicked(picked);
    },
    /** Colours by value. @param {Uint8Array} rgba with 256 × rows texels; a is 0 for hidden, or the shape + 1 */
    setColours(rgba) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, rgba.length / 1024, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    },
    /** @param {import("./mapcamera.js").Camera} camera @param {import("./mapcamera.js").Size} size @param {number} dotPx */
    draw(camera, size, dotPx) {
      const ratio = Math.min(window.devicePixelRatio || 1, 2);
      const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      gl.viewport(0, 0, width, height);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.uniform4f(uniforms.turn, Math.cos(camera.yaw), Math.sin(camera.yaw), Math.cos(camera.pitch), Math.sin(camera.pitch));
      gl.uniform2f(uniforms.middle, camera.x, camera.y);
      gl.uniform1f(uniforms.unit, pxPerUnit(camera, size));
      gl.uniform2f(uniforms.size, size.width, size.height);
      gl.uniform1f(uniforms.dot, dotPx * ratio);
      gl.uniform1i(uniforms.choosing, Number(choosing));
      gl.uniform1i(uniforms.solid, Number(deep));
      gl.drawArrays(gl.POINTS, 0, pages);
    },
    close() {
      gl.getExtension("WEBGL_lose_context")?.loseContext();
    },
  };
}

function feed(gl, program, name, data, point) {
  const where = gl.getAttribLocation(program, name);
  const buffer = gl.createBuffer();
  const fill = (filling) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, filling, gl.DYNAMIC_DRAW);
  };
  fill(data);
  gl.enableVertexAttribArray(where);
  point(where);
  return fill;
}

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`The map cannot be drawn: ${gl.getProgramInfoLog(program)}`);
  return program;
}
